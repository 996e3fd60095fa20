package dissector

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire/mpj"
)

// TestGenerated fails when mpj.lua is not what the registry gives; with
// MPSTACK_UPDATE=1 it writes the file.
func TestGenerated(t *testing.T) {
	g := generator{abbreviations: make(map[string]string)}
	want := g.file()
	if g.err != nil {
		t.Fatal(g.err)
	}
	if os.Getenv("MPSTACK_UPDATE") == "1" {
		if err := os.WriteFile(Name, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := Lua(); !bytes.Equal(got, want) {
		t.Errorf("%s is not what wire/mpj's registry gives (go generate ./capture/dissector): %s", Name, firstLine(got, want))
	}
}

// firstLine returns the first line that differs.
func firstLine(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d is %q, should be %q", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, should be %d", len(g), len(w))
}

// generator writes mpj.lua from the registry.
type generator struct {
	fields        strings.Builder
	abbreviations map[string]string // the definition of each field so far
	err           error
}

// file returns the whole of mpj.lua.
func (g *generator) file() []byte {
	header := g.layout("", mpj.HeaderFields, 1)
	var objects strings.Builder
	for i := range mpj.Objects {
		g.object(&objects, &mpj.Objects[i])
	}
	text := strings.NewReplacer(
		"@VALUES@", values(),
		"@FIELDS@", g.fields.String(),
		"@HEADER@", header,
		"@OBJECTS@", objects.String(),
		"@PORT@", fmt.Sprint(mpj.Port),
		"@VERSION@", fmt.Sprint(mpj.Version),
		"@HEADERLEN@", fmt.Sprint(mpj.HeaderLen),
		"@MAXLEN@", fmt.Sprint(mpj.MaxLen),
	).Replace(frame)
	return []byte(text)
}

// values returns the tables of named numbers that the fields refer to.
func values() string {
	var b strings.Builder
	b.WriteString("local class_names = {\n")
	seen := make(map[uint8]bool)
	for i := range mpj.Objects {
		if o := &mpj.Objects[i]; !seen[o.Class] {
			seen[o.Class] = true
			fmt.Fprintf(&b, "\t[%d] = %q,\n", o.Class, o.Name)
		}
	}
	b.WriteString("}\n\nlocal type_names = {\n")
	for i := range mpj.Messages {
		fmt.Fprintf(&b, "\t[%d] = %q,\n", uint8(mpj.Messages[i].Type), mpj.Messages[i].Name)
	}
	b.WriteString("}\n\nlocal winsock_errors = {\n")
	for _, e := range winsock.Errnos() {
		fmt.Fprintf(&b, "\t[%d] = %q,\n", uint32(e), e.Name())
	}
	b.WriteString("}\n")
	return b.String()
}

// object adds an object's row to the table of objects.
func (g *generator) object(b *strings.Builder, o *mpj.ObjectInfo) {
	key := strings.ToLower(o.Name)
	g.field(key, fmt.Sprintf("ProtoField.none(%q, %q)", "mpj."+key, o.Name))
	fmt.Fprintf(b, "\t[%d] = { -- %s\n", int(o.Class)<<8|int(o.CType), strings.TrimSpace(o.Name+" "+o.Form))
	fmt.Fprintf(b, "\t\titem = f[%q], form = %q, min = %d, max = %d,\n", key, o.Form, o.MinLen, o.MaxLen)
	fmt.Fprintf(b, "\t\tlayout = {\n%s\t\t},\n\t},\n", g.layout(key+".", o.Fields, 3))
}

// layout returns the rows of a header or body, and adds its fields.
func (g *generator) layout(prefix string, fields []mpj.Field, depth int) string {
	var b strings.Builder
	for i := range fields {
		fd := &fields[i]
		key := prefix + dissect.FieldName(fd.Name)
		fmt.Fprintf(&b, "%s{ offset = %d, size = %d", strings.Repeat("\t", depth), fd.Offset, fd.Size)
		switch fd.Kind {
		case mpj.KindZero, mpj.KindZeros:
			key = ""
		case mpj.KindAddr:
			if fd.Size == 16 {
				key += "6"
			}
		}
		if key != "" {
			g.protoField(key, fd)
			fmt.Fprintf(&b, ", field = f[%q]", key)
		}
		b.WriteString(g.extent(key, fd))
		b.WriteString(" },\n")
	}
	return b.String()
}

// extent returns what a row says beyond offset, size and field.
func (g *generator) extent(key string, fd *mpj.Field) string {
	switch fd.Kind {
	case mpj.KindZero:
		return ", zero = true"
	case mpj.KindZeros:
		return ", zero = true, rest = true"
	case mpj.KindBytes:
		return ", rest = true"
	case mpj.KindCounted:
		return ", counted = true"
	case mpj.KindFlags:
		var bits []string
		for _, v := range fd.Values {
			bit := key + "." + strings.ToLower(strings.ReplaceAll(v.Name, " ", "_"))
			g.field(bit, fmt.Sprintf("ProtoField.bool(%q, %q, %d, nil, 0x%x)", "mpj."+bit, v.Name, 8*fd.Size, v.Number))
			bits = append(bits, fmt.Sprintf("f[%q]", bit))
		}
		return ", bits = { " + strings.Join(bits, ", ") + " }"
	}
	return ""
}

// protoField adds the field of that key.
func (g *generator) protoField(key string, fd *mpj.Field) {
	name := strings.ToUpper(fd.Name[:1]) + fd.Name[1:]
	size := map[int]string{1: "uint8", 2: "uint16", 3: "uint24", 4: "uint32", 6: "uint64", 8: "uint64"}[fd.Size]
	base, extra := "base.DEC", ""
	switch fd.Kind {
	case mpj.KindHex, mpj.KindTag, mpj.KindFlags:
		base = "base.HEX"
	case mpj.KindMS:
		name += " (ms)"
	case mpj.KindEnum:
		extra = ", " + table(fd.Values)
	case mpj.KindErrno:
		extra = ", winsock_errors"
	case mpj.KindAddr:
		size, base = map[int]string{4: "ipv4", 16: "ipv6"}[fd.Size], ""
	case mpj.KindBytes, mpj.KindCounted:
		size, base = "bytes", ""
	}
	if size == "" {
		g.err = fmt.Errorf("field %s of kind %d and %d bytes has no form in Lua", key, fd.Kind, fd.Size)
	}
	if base != "" {
		base = ", " + base
	}
	g.field(key, fmt.Sprintf("ProtoField.%s(%q, %q%s%s)", size, "mpj."+key, name, base, extra))
}

func table(values []mpj.Value) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, fmt.Sprintf("[%d] = %q", v.Number, v.Name))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// field adds a definition once; two that differ are an error.
func (g *generator) field(key, definition string) {
	if old, ok := g.abbreviations[key]; ok {
		if old != definition {
			g.err = fmt.Errorf("mpj.%s is both %s and %s", key, old, definition)
		}
		return
	}
	g.abbreviations[key] = definition
	fmt.Fprintf(&g.fields, "f[%q] = %s\n", key, definition)
}

// frame is mpj.lua but for what the registry gives.
const frame = `-- Wireshark dissector of the multipoint join protocol (MPJ), version @VERSION@.
--
--     tshark -X lua_script:mpj.lua -r capture.pcapng -Y mpj
--
-- Generated from the registry of github.com/mpstack/mpstack/wire/mpj by
-- "go generate ./capture/dissector". Do not edit.

local mpj = Proto("mpj", "Multipoint Join Protocol")

local PORT = @PORT@
local VERSION = @VERSION@
local HEADER_LENGTH = @HEADERLEN@
local OBJECT_HEADER_LENGTH = 4
local MAX_LENGTH = @MAXLEN@

@VALUES@
local f = {}
@FIELDS@f["object"] = ProtoField.none("mpj.object", "Object")
f["object.length"] = ProtoField.uint16("mpj.object.length", "Object length", base.DEC)
f["object.class"] = ProtoField.uint8("mpj.object.class", "Class", base.DEC, class_names)
f["object.ctype"] = ProtoField.uint8("mpj.object.ctype", "C-Type", base.DEC)
f["object.body"] = ProtoField.bytes("mpj.object.body", "Body")
mpj.fields = f

local malformed = ProtoExpert.new("mpj.malformed", "Malformed MPJ message", expert.group.MALFORMED, expert.severity.ERROR)
local suspicious = ProtoExpert.new("mpj.suspicious", "Suspicious MPJ message", expert.group.PROTOCOL, expert.severity.WARN)
mpj.experts = { malformed, suspicious }

-- A row of a layout is a field: where it lies, and how far it goes. "rest"
-- goes to the end of the body, "counted" as far as the body's first two bytes
-- say, "zero" has no name and must be zero.
local header_layout = {
@HEADER@}

-- Objects by class * 256 + C-Type.
local objects = {
@OBJECTS@}

-- all_zero tells whether a range holds nothing but zeros.
local function all_zero(range)
	return range:bytes():tohex():find("[^0]") == nil
end

-- printable returns a range's bytes in quotes if all of them are printable.
local function printable(range)
	local s = range:raw()
	if s:find("[^ -~]") then
		return nil
	end
	return '"' .. s .. '"'
end

-- part returns the range of a row within a body, or nil if it does not fit.
local function part(row, body)
	local size = row.size
	if row.rest then
		size = body:len() - row.offset
	elseif row.counted then
		size = body(0, 2):uint()
	end
	if size < 0 or row.offset + size > body:len() then
		return nil, 0
	end
	if size == 0 then
		return nil, size
	end
	return body(row.offset, size), size
end

-- add_row adds one row and returns its text for the line above.
local function add_row(tree, row, body)
	local range, size = part(row, body)
	if range == nil then
		if size == 0 and not row.rest and not (row.counted and body(0, 2):uint() == 0) then
			tree:add_proto_expert_info(malformed, "A field lies outside of its object")
		end
		return nil
	end
	if row.zero then
		if not all_zero(range) then
			tree:add_proto_expert_info(suspicious, "Bytes that must be zero are not")
		end
		return nil
	end
	local item = tree:add(row.field, range)
	if row.bits then
		for _, bit in ipairs(row.bits) do
			item:add(bit, range)
		end
	end
	if row.counted then
		local text = printable(range)
		if text then
			item:append_text(" " .. text)
			return text
		end
	end
	return item.text
end

-- add_rows adds all rows of a layout, and returns their texts in one line.
local function add_rows(tree, layout, body)
	local texts = {}
	for _, row in ipairs(layout) do
		local text = add_row(tree, row, body)
		if text and #texts < 6 then
			table.insert(texts, text)
		end
	end
	return table.concat(texts, ", ")
end

-- add_object adds the object that a range holds.
local function add_object(tree, range)
	local class, ctype = range(2, 1):uint(), range(3, 1):uint()
	local info = objects[class * 256 + ctype]
	local item = tree:add(info and info.item or f["object"], range)
	local title = class_names[class] or string.format("Class %d", class)
	if info and info.form ~= "" then
		title = title .. " (" .. info.form .. ")"
	end
	item:set_text(title)
	item:add(f["object.length"], range(0, 2))
	item:add(f["object.class"], range(2, 1))
	item:add(f["object.ctype"], range(3, 1))
	local size = range:len() - OBJECT_HEADER_LENGTH
	local body = size > 0 and range(OBJECT_HEADER_LENGTH, size) or nil
	if info == nil then
		if body then
			item:add(f["object.body"], body)
		end
		if class < 128 then
			item:add_proto_expert_info(suspicious, "Object that must be known is not")
		end
		return
	end
	if size < info.min or size > info.max then
		item:add_proto_expert_info(malformed, string.format("Object of %d bytes", range:len()))
		return
	end
	if body then
		local text = add_rows(item, info.layout, body)
		if text ~= "" then
			item:append_text(": " .. text)
		end
	end
end

-- add_objects adds the objects from an offset of the message on.
local function add_objects(tree, message, offset)
	while offset < message:len() do
		local left = message:len() - offset
		if left < OBJECT_HEADER_LENGTH then
			tree:add_proto_expert_info(malformed, string.format("%d bytes after the last object", left))
			return
		end
		local size = message(offset, 2):uint()
		if size < OBJECT_HEADER_LENGTH or size % 4 ~= 0 or size > left then
			tree:add_proto_expert_info(malformed, string.format("Object length %d, %d bytes left", size, left))
			return
		end
		add_object(tree, message(offset, size))
		offset = offset + size
	end
end

function mpj.dissector(tvb, pinfo, root)
	pinfo.cols.protocol:set("MPJ")
	local message = tvb()
	local tree = root:add(mpj, message)
	if message:len() < HEADER_LENGTH then
		tree:add_proto_expert_info(malformed, string.format("%d bytes, the header needs %d", message:len(), HEADER_LENGTH))
		return
	end
	add_rows(tree, header_layout, message(0, HEADER_LENGTH))
	local name = type_names[message(1, 1):uint()] or string.format("type %d", message(1, 1):uint())
	tree:append_text(", " .. name)
	pinfo.cols.info:set(name)
	if message(0, 1):uint() ~= VERSION then
		tree:add_proto_expert_info(malformed, string.format("Version %d", message(0, 1):uint()))
		return
	end
	if message(4, 2):uint() ~= message:len() or message:len() > MAX_LENGTH then
		tree:add_proto_expert_info(malformed, string.format("Length %d in a datagram of %d bytes", message(4, 2):uint(), message:len()))
		return
	end
	add_objects(tree, message, HEADER_LENGTH)
end

DissectorTable.get("udp.port"):add(PORT, mpj)
`
