package rsvp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// tsharkNames says how tshark calls the fields of our registry, by the class
// they are in; "" is every class. Fields that only one of both names are not
// compared. Several of ours may be one of tshark's: then the values must come in
// the same order.
var tsharkNames = map[rsvp.Class]map[string]string{
	rsvp.ClassSession: {"DestAddress": "rsvp.session.ip", "Protocol Id": "rsvp.session.proto", "Flags": "rsvp.session.flags", "DstPort": "rsvp.session.port",
		"Tunnel End Point Address": "rsvp.session.ip", "Tunnel ID": "rsvp.session.tunnel_id", "Extended Tunnel ID": "rsvp.extended_tunnel_id",
		"Session Address": "rsvp.session.ip", "DSCP": "rsvp.session.dscp"},
	rsvp.ClassHop:        {"Hop Address": "rsvp.hop.neighbor_address_ipv4", "Logical Interface Handle": "rsvp.hop.logical_interface"},
	rsvp.ClassTimeValues: {"Refresh Period": "rsvp.refresh_interval"},
	rsvp.ClassErrorSpec: {"Error Node Address": "rsvp.error.error_node_ipv4", "Flags": "rsvp.error_flags", "Error Code": "rsvp.error.error_code",
		"Error Value": "rsvp.error_value"},
	rsvp.ClassScope:          {"Src Address": "rsvp.scope.ipv4_address"},
	rsvp.ClassStyle:          {"Flags": "rsvp.style.flags", "Option Vector": "rsvp.style.style"},
	rsvp.ClassFilterSpec:     {"SrcAddress": "rsvp.sender.ip", "SrcPort": "rsvp.sender.port", "Tunnel Sender Address": "rsvp.sender.ip", "LSP ID": "rsvp.sender.lsp_id"},
	rsvp.ClassSenderTemplate: {"SrcAddress": "rsvp.sender.ip", "SrcPort": "rsvp.sender.port", "Tunnel Sender Address": "rsvp.sender.ip", "LSP ID": "rsvp.sender.lsp_id"},
	rsvp.ClassSenderTSpec: {"Length in words": "rsvp.data_length", "Service length in words": "rsvp.data_length", "Service": "rsvp.tspec.service_header",
		"Parameter": "rsvp.parameter", "Parameter flags": "rsvp.parameter_flags", "Parameter length in words": "rsvp.parameter_length",
		"Token Bucket Rate [r]": "rsvp.tspec.token_bucket_rate", "Token Bucket Size [b]": "rsvp.tspec.token_bucket_size",
		"Peak Data Rate [p]": "rsvp.tspec.peak_data_rate", "Minimum Policed Unit [m]": "rsvp.minimum_policed_unit", "Maximum Packet Size [M]": "rsvp.maximum_packet_size"},
	rsvp.ClassFlowSpec: {"Length in words": "rsvp.data_length", "Service length in words": "rsvp.data_length", "Service": "rsvp.flowspec.service_header",
		"Parameter": "rsvp.parameter", "Parameter flags": "rsvp.parameter_flags", "Parameter length in words": "rsvp.parameter_length",
		"Token Bucket Rate [r]": "rsvp.flowspec.token_bucket_rate", "Token Bucket Size [b]": "rsvp.flowspec.token_bucket_size",
		"Peak Data Rate [p]": "rsvp.flowspec.peak_data_rate", "Minimum Policed Unit [m]": "rsvp.minimum_policed_unit", "Maximum Packet Size [M]": "rsvp.maximum_packet_size",
		"Rate [R]": "rsvp.flowspec.rate", "Slack Term [S]": "rsvp.flowspec.slack_term"},
	rsvp.ClassAdSpec: {"Service": "rsvp.adspec.service_header", "Parameter": "rsvp.adspec.type", "Parameter length in words": "rsvp.adspec.len",
		"Path bandwidth estimate": "rsvp.adspec.float", "IS hop count": "rsvp.adspec.uint", "Minimum path latency": "rsvp.adspec.uint", "Composed MTU": "rsvp.adspec.uint",
		"Ctot": "rsvp.adspec.uint", "Dtot": "rsvp.adspec.uint", "Csum": "rsvp.adspec.uint", "Dsum": "rsvp.adspec.uint"},
	rsvp.ClassResvConfirm: {"Receiver Address": "rsvp.confirm.receiver_address_ipv4"},
	rsvp.ClassIntegrity: {"Flags": "rsvp.integrity.flags", "Key Identifier": "rsvp.integrity.key_identifier", "Sequence Number": "rsvp.integrity.sequence_number",
		"data": "rsvp.integrity.hash"},
	rsvp.ClassMessageID:     {"Flags": "rsvp.message_id.flags", "Epoch": "rsvp.message_id.epoch", "Message_Identifier": "rsvp.message_id.message_id"},
	rsvp.ClassMessageIDAck:  {"Flags": "rsvp.message_id_ack.flags", "Epoch": "rsvp.message_id_ack.epoch", "Message_Identifier": "rsvp.message_id_ack.message_id"},
	rsvp.ClassMessageIDList: {"Flags": "rsvp.message_id_list.flags", "Epoch": "rsvp.message_id_list.epoch", "Message_Identifier": "rsvp.message_id_list.message_id"},
	rsvp.ClassLabel:         {"Label": "rsvp.label.label"},
	rsvp.ClassLabelRequest:  {"L3PID": "rsvp.label_request.l3pid"},
	rsvp.ClassExplicitRoute: {"Length": "rsvp.ero_rro_subobjects.length", "Address": "rsvp.ero_rro_subobjects.ipv4_hop", "Prefix Length": "rsvp.ero_rro_subobjects.prefix_length",
		"Label": "rsvp.ero_rro_subobjects.label", "AS number": "rsvp.ero_rro_subobjects.autonomous_system"},
	rsvp.ClassRecordRoute: {"Type": "rsvp.type", "Length": "rsvp.ero_rro_subobjects.length", "Address": "rsvp.ero_rro_subobjects.ipv4_hop",
		"Prefix Length": "rsvp.ero_rro_subobjects.prefix_length", "Flags": "rsvp.ero_rro_subobjects.flags", "Label": "rsvp.ero_rro_subobjects.label"},
	rsvp.ClassSessionAttribute: {"Exclude-any": "rsvp.session_attribute.exclude_any", "Include-any": "rsvp.session_attribute.include_any",
		"Include-all": "rsvp.session_attribute.include_all", "Setup Prio": "rsvp.session_attribute.setup_priority", "Holding Prio": "rsvp.session_attribute.hold_priority",
		"Flags": "rsvp.session_attribute.flags", "Name Length": "rsvp.session_attribute.name_length", "Session Name": "rsvp.session_attribute.name"},
	rsvp.ClassHello:      {"Src_Instance": "rsvp.hello.source_instance", "Dst_Instance": "rsvp.hello.destination_instance"},
	rsvp.ClassRestartCap: {"Restart Time": "rsvp.restart_cap.restart_time", "Recovery Time": "rsvp.restart_cap.recovery_time"},
	rsvp.ClassDClass:     {"DSCP": "rsvp.dclass.dscp"},
}

// tsharkSix has the names of the same fields in objects of IPv6, C-Type 2, where
// they differ.
var tsharkSix = map[string]string{
	"rsvp.session.ip": "rsvp.session.destination_address", "rsvp.session.proto": "rsvp.session.protocol", "rsvp.session.port": "rsvp.session.destination_port",
	"rsvp.hop.neighbor_address_ipv4": "rsvp.neighbor_address_ipv6", "rsvp.error.error_node_ipv4": "rsvp.error.error_node_ipv6",
	"rsvp.scope.ipv4_address": "rsvp.scope.ipv6_address", "rsvp.confirm.receiver_address_ipv4": "rsvp.confirm.receiver_address_ipv6",
	"rsvp.sender.ip": "rsvp.template_filter.source_address_ipv6", "rsvp.sender.port": "rsvp.template_filter.source_port",
}

// tree is a JSON object with its members in order, for tshark repeats names.
type tree []member

type member struct {
	name  string
	value string // of a leaf
	inner tree
}

// readTree reads the JSON value that comes next.
func readTree(d *json.Decoder, name string) (member, error) {
	t, err := d.Token()
	if err != nil {
		return member{}, err
	}
	m := member{name: name}
	delim, ok := t.(json.Delim)
	if !ok {
		m.value = fmt.Sprint(t)
		return m, nil
	}
	for d.More() {
		key := ""
		if delim == '{' {
			k, err := d.Token()
			if err != nil {
				return m, err
			}
			key = k.(string)
		}
		in, err := readTree(d, key)
		if err != nil {
			return m, err
		}
		m.inner = append(m.inner, in)
	}
	_, err = d.Token()
	return m, err
}

// find returns the first member of a path of names.
func (t tree) find(path ...string) (member, bool) {
	for _, m := range t {
		if m.name == path[0] {
			if len(path) == 1 {
				return m, true
			}
			return m.inner.find(path[1:]...)
		}
	}
	return member{}, false
}

// collect appends all leaves below t, by name.
func (t tree) collect(into map[string][]string) {
	for _, m := range t {
		if m.inner == nil {
			into[m.name] = append(into[m.name], m.value)
		}
		m.inner.collect(into)
	}
}

// tshark dissects a capture file and calls f with each frame's number and the
// RSVP layer.
func tshark(t *testing.T, file string, f func(frame int, layer tree)) {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Fatalf("tshark is needed (Debian: apt-get install tshark): %v", err)
	}
	out, err := exec.Command(path, "-n", "-r", file, "-Y", "rsvp", "-T", "json").Output()
	if err != nil {
		t.Logf("%s: tshark: %v", filepath.Base(file), err) // a capture that ends early
	}
	d := json.NewDecoder(bytes.NewReader(out))
	all, err := readTree(d, "")
	if err != nil && err != io.EOF {
		t.Fatalf("%s: %v", file, err)
	}
	for _, p := range all.inner {
		number, _ := p.inner.find("_source", "layers", "frame", "frame.number")
		n, _ := strconv.Atoi(number.value)
		layers, _ := p.inner.find("_source", "layers")
		if _, quoted := layers.inner.find("icmp"); quoted {
			continue
		}
		if l, ok := layers.inner.find("rsvp"); ok {
			f(n, l.inner)
		}
	}
}

// sameValue reports whether tshark's text is the value of a field.
func sameValue(text string, f rsvp.Field, body []byte) bool {
	b := body[f.Offset : f.Offset+f.Size]
	switch f.Kind {
	case rsvp.KindIPv4, rsvp.KindIPv6:
		a, err := netip.ParseAddr(text)
		return err == nil && bytes.Equal(a.AsSlice(), b)
	case rsvp.KindFloat:
		v, err := strconv.ParseFloat(text, 64)
		want := float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
		return err == nil && (v == want || math.Abs(v-want) <= 1e-5*math.Abs(want))
	case rsvp.KindText:
		return text == string(b)
	}
	if raw, err := hex.DecodeString(strings.ReplaceAll(text, ":", "")); err == nil && strings.Contains(text, ":") {
		return bytes.Equal(raw, b)
	}
	if f.Size > 8 {
		return false
	}
	v, err := strconv.ParseUint(text, 0, 64)
	var num [8]byte
	copy(num[8-len(b):], b)
	want := binary.BigEndian.Uint64(num[:])
	return err == nil && v == want
}

// compareObject compares what tshark shows of an object with its fields, and
// returns how many were compared.
func compareObject(t *testing.T, where string, o object.Object, in tree) (compared int) {
	shown := map[string][]string{}
	in.collect(shown)
	for name, v := range shown {
		if strings.HasPrefix(name, "rsvp.ctype.") && shown["rsvp.ctype"] == nil { // some classes have only the one
			shown["rsvp.ctype"] = v
		}
	}
	for name, want := range map[string]int{"rsvp.length": o.WireLen(), "rsvp.object": int(o.Class), "rsvp.ctype": int(o.CType)} {
		if len(shown[name]) == 0 || shown[name][0] != strconv.Itoa(want) {
			t.Errorf("%s: %s is %v to tshark, %d to us", where, name, shown[name], want)
		}
	}
	next := map[string]int{}
	for _, f := range rsvp.AppendFields(nil, rsvp.Class(o.Class), o.CType, o.Body) {
		key := tsharkNames[rsvp.Class(o.Class)][f.Name]
		if key == "" {
			continue
		}
		switch six := tsharkSix[key]; {
		case key == "rsvp.ero_rro_subobjects.ipv4_hop" && f.Kind == rsvp.KindIPv6:
			key = "rsvp.ero_rro_subobjects.ipv6_hop"
		case six != "" && o.CType == 2:
			key = six
		}
		if next[key] >= len(shown[key]) {
			t.Errorf("%s: tshark shows %d of %s; we have %q more", where, len(shown[key]), key, f.Name)
			continue
		}
		text := shown[key][next[key]]
		next[key]++
		compared++
		if !sameValue(text, f, o.Body) {
			t.Errorf("%s: %s is %q to tshark, %x to us", where, f.Name, text, o.Body[f.Offset:f.Offset+f.Size])
		}
	}
	for key, n := range next {
		if n != len(shown[key]) {
			t.Errorf("%s: tshark shows %d of %s, we %d", where, len(shown[key]), key, n)
		}
	}
	return compared
}

// compareMessage compares a well-formed message with tshark's layer: the header,
// and object by object what both name.
func compareMessage(t *testing.T, where string, msg []byte, layer tree, skip func(object.Object) bool) (compared int) {
	head := map[string][]string{}
	layer[:1].collect(head)
	for name, want := range map[string]int{"rsvp.version": 1, "rsvp.flags": int(msg[0] & 15), "rsvp.msg": int(msg[1]), "rsvp.sending_ttl": int(msg[4]),
		"rsvp.message_length": len(msg), "rsvp.message_checksum": int(binary.BigEndian.Uint16(msg[2:]))} {
		if v, err := strconv.ParseInt(strings.Join(head[name], " "), 0, 64); err != nil || int(v) != want {
			t.Errorf("%s: %s is %v to tshark, %d to us", where, name, head[name], want)
		}
	}
	rest := msg[rsvp.HeaderLen:]
	for _, m := range layer[1:] {
		if m.inner == nil {
			continue
		}
		o, next, err := object.Parse(rest)
		if err != nil {
			t.Errorf("%s: tshark shows %s; we have no object left", where, m.name)
			return compared
		}
		if rest = next; !skip(o) {
			compared += compareObject(t, fmt.Sprintf("%s %v %d", where, rsvp.Class(o.Class), o.CType), o, m.inner)
		}
	}
	if len(rest) > 0 {
		t.Errorf("%s: %d bytes that tshark does not show", where, len(rest))
	}
	return compared
}

// TestCorpusAsTshark: the fields that both name have the same values, in every
// well-formed message of the corpus.
func TestCorpusAsTshark(t *testing.T) {
	dir := corpus(t)
	if dir == "" {
		return
	}
	messages, fields := 0, 0
	var m rsvp.Message
	for _, file := range rsvpFiles(t, dir) {
		frames := map[int][]byte{}
		rsvpMessages(t, file, func(n int, msg []byte) { frames[n] = slices.Clone(msg) })
		tshark(t, file, func(frame int, layer tree) {
			msg := frames[frame]
			if msg == nil || m.Decode(msg) != nil {
				return
			}
			messages++
			fields += compareMessage(t, fmt.Sprintf("%s frame %d", filepath.Base(file), frame), msg, layer, func(object.Object) bool { return false })
		})
	}
	t.Logf("%d messages, %d fields", messages, fields)
	if messages < 180 || fields < 6000 {
		t.Errorf("fewer than there were")
	}
}

// beyondTshark reports whether tshark 4.0 does not show an object's contents, or
// shows them wrongly: GPI, IPv6 flow labels, IPv6 tunnels, the flags of
// aggregates, generic aggregates, lists with addresses, the Null service.
func beyondTshark(o object.Object) bool {
	class := rsvp.Class(o.Class)
	switch class {
	case rsvp.ClassSession:
		return o.CType == 3 || o.CType == 4 || o.CType >= 8
	case rsvp.ClassSenderTemplate, rsvp.ClassFilterSpec:
		return o.CType >= 3 && o.CType != 7
	case rsvp.ClassMessageIDList:
		return o.CType > 1
	case rsvp.ClassFlowSpec, rsvp.ClassSenderTSpec:
		return bytes.Contains(o.Body, []byte{6, 0, 0, 2, 128, 0, 0, 1})
	}
	return false
}

// TestSamplesAsTshark: the same for our own messages, which have what the corpus
// has not: IPv6, SCOPE, acknowledgements, summary refreshes, DCLASS.
func TestSamplesAsTshark(t *testing.T) {
	file := filepath.Join(t.TempDir(), "samples.pcap")
	h, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriter(h)
	if err := w.WriteFileHeader(65535, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	frames := [][]byte{nil}
	for _, s := range samples() {
		switch s.msg.Type {
		case rsvp.Bundle, rsvp.Diagnostic, rsvp.DiagnosticReply, rsvp.IntegrityChallenge, rsvp.IntegrityResponse, rsvp.Notify:
			continue // unknown to tshark, or with messages inside
		}
		msg := encoded(t, s.name)
		ip := append([]byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 46, 0, 0, 10, 0, 1, 1, 10, 0, 2, 1}, msg...)
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
		if err := w.WritePacket(gopacket.CaptureInfo{CaptureLength: len(ip), Length: len(ip)}, ip); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, msg)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	seen, fields := 0, 0
	tshark(t, file, func(frame int, layer tree) {
		seen++
		fields += compareMessage(t, fmt.Sprintf("frame %d: %v", frame, rsvp.MessageType(frames[frame][1])), frames[frame], layer, beyondTshark)
	})
	t.Logf("%d messages, %d fields", seen, fields)
	if seen != len(frames)-1 || fields < 1000 {
		t.Errorf("%d of %d messages, %d fields", seen, len(frames)-1, fields)
	}
}
