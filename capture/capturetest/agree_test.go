package capturetest_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissect"
	"github.com/mpstack/mpstack/capture/dissector"
	"github.com/mpstack/mpstack/wire/mpj"
)

// agreement says which of our fields tshark shows under one name; the values of
// a frame come in the same order in both.
type agreement struct {
	tshark string
	ours   string // paths, of which several may share the name
	how    func(v dissect.Value, text string) string
}

// Ways in which the two show a value, beside the obvious one.
var (
	high4   = func(v dissect.Value, _ string) string { return fmt.Sprint(v.Uint() >> 4) }
	flagBit = func(v dissect.Value, _ string) string { return fmt.Sprint(v.Uint() >> 7) }
	words   = func(v dissect.Value, _ string) string { return fmt.Sprint(v.Uint() / 4) }
	units8  = func(v dissect.Value, _ string) string { return fmt.Sprint(v.Uint()/8 - 1) }
	verdict = func(_ dissect.Value, text string) string {
		return map[string]string{"correct": "1", "incorrect": "0", "none": "3"}[text]
	}
)

// agreements are the fields that both name. "object" stands for RSVP's objects
// themselves; what follows "/" is the IP version, and "@" the layer's type.
var agreements = []agreement{
	{tshark: "eth.dst", ours: "eth.dst"}, {tshark: "eth.src", ours: "eth.src"}, {tshark: "eth.type", ours: "eth.type"},
	{tshark: "arp.hw.type", ours: "arp.hardware_type"}, {tshark: "arp.proto.type", ours: "arp.protocol_type"},
	{tshark: "arp.hw.size", ours: "arp.hardware_length"}, {tshark: "arp.proto.size", ours: "arp.protocol_length"},
	{tshark: "arp.opcode", ours: "arp.op"}, {tshark: "arp.src.hw_mac", ours: "arp.sender_mac"}, {tshark: "arp.src.proto_ipv4", ours: "arp.sender_ip"},
	{tshark: "arp.dst.hw_mac", ours: "arp.target_mac"}, {tshark: "arp.dst.proto_ipv4", ours: "arp.target_ip"},

	{tshark: "ip.version", ours: "ipv4.version ipv6.version"}, {tshark: "ip.hdr_len", ours: "ipv4.header_length"}, {tshark: "ip.dsfield", ours: "ipv4.tos"},
	{tshark: "ip.len", ours: "ipv4.total_length"}, {tshark: "ip.id", ours: "ipv4.id"}, {tshark: "ip.flags.rb", ours: "ipv4.reserved"},
	{tshark: "ip.flags.df", ours: "ipv4.df"}, {tshark: "ip.flags.mf", ours: "ipv4.mf"}, {tshark: "ip.frag_offset", ours: "ipv4.fragment_offset"},
	{tshark: "ip.ttl", ours: "ipv4.ttl"}, {tshark: "ip.proto", ours: "ipv4.protocol"}, {tshark: "ip.checksum", ours: "ipv4.checksum"},
	{tshark: "ip.checksum.status", ours: "ipv4.checksum", how: verdict}, {tshark: "ip.src", ours: "ipv4.src"}, {tshark: "ip.dst", ours: "ipv4.dst"},
	{tshark: "ip.opt.type", ours: "ipv4.option.type"}, {tshark: "ip.opt.len", ours: "ipv4.option.length"}, {tshark: "ip.opt.ra", ours: "ipv4.router_alert"},

	{tshark: "ipv6.version", ours: "ipv6.version"}, {tshark: "ipv6.tclass", ours: "ipv6.traffic_class"}, {tshark: "ipv6.flow", ours: "ipv6.flow_label"},
	{tshark: "ipv6.plen", ours: "ipv6.payload_length"}, {tshark: "ipv6.nxt", ours: "ipv6.next_header"}, {tshark: "ipv6.hlim", ours: "ipv6.hop_limit"},
	{tshark: "ipv6.src", ours: "ipv6.src"}, {tshark: "ipv6.dst", ours: "ipv6.dst"}, {tshark: "ipv6.opt.router_alert", ours: "ipv6.router_alert"},
	{tshark: "ipv6.hopopts.nxt", ours: "ipv6.hop_by_hop.next_header"}, {tshark: "ipv6.hopopts.len", ours: "ipv6.hop_by_hop.length", how: units8},

	{tshark: "udp.srcport", ours: "udp.src_port"}, {tshark: "udp.dstport", ours: "udp.dst_port"}, {tshark: "udp.length", ours: "udp.length"},
	{tshark: "udp.checksum", ours: "udp.checksum"}, {tshark: "udp.checksum.status", ours: "udp.checksum", how: verdict},

	{tshark: "icmpv6.type", ours: "icmpv6.type mld.type"}, {tshark: "icmpv6.code", ours: "icmpv6.code mld.code"},
	{tshark: "icmpv6.checksum", ours: "icmpv6.checksum mld.checksum"}, {tshark: "icmpv6.checksum.status", ours: "icmpv6.checksum mld.checksum", how: verdict},
	{tshark: "icmpv6.nd.na.flag.r", ours: "icmpv6.router"}, {tshark: "icmpv6.nd.na.flag.s", ours: "icmpv6.solicited"}, {tshark: "icmpv6.nd.na.flag.o", ours: "icmpv6.override"},
	{tshark: "icmpv6.nd.ns.target_address", ours: "icmpv6.target@neighbor-solicitation"}, {tshark: "icmpv6.nd.na.target_address", ours: "icmpv6.target@neighbor-advertisement"},
	{tshark: "icmpv6.opt.src_linkaddr", ours: "icmpv6.source_link.link_address"}, {tshark: "icmpv6.opt.target_linkaddr", ours: "icmpv6.target_link.link_address"},

	{tshark: "igmp.type", ours: "igmp.type"}, {tshark: "igmp.max_resp", ours: "igmp.code@v2-query igmp.code@v3-query"}, {tshark: "igmp.checksum", ours: "igmp.checksum"}, {tshark: "igmp.checksum.status", ours: "igmp.checksum", how: verdict},
	{tshark: "igmp.maddr", ours: "igmp.group igmp.record.group"}, {tshark: "igmp.s", ours: "igmp.suppress"}, {tshark: "igmp.qrv", ours: "igmp.qrv"},
	{tshark: "igmp.qqic", ours: "igmp.qqic"}, {tshark: "igmp.num_src", ours: "igmp.sources igmp.record.sources"}, {tshark: "igmp.saddr", ours: "igmp.source igmp.record.source"},
	{tshark: "igmp.num_grp_recs", ours: "igmp.records"}, {tshark: "igmp.record_type", ours: "igmp.record.type"},
	{tshark: "igmp.aux_data_len", ours: "igmp.record.aux_length", how: words},

	{tshark: "icmpv6.mld.maximum_response_code", ours: "mld.max_response_code"}, {tshark: "icmpv6.mld.multicast_address", ours: "mld.group"},
	{tshark: "icmpv6.mld.flag.s", ours: "mld.suppress"}, {tshark: "icmpv6.mld.flag.qrv", ours: "mld.qrv"}, {tshark: "icmpv6.mld.qqi", ours: "mld.qqic"},
	{tshark: "icmpv6.mld.nb_sources", ours: "mld.sources"}, {tshark: "icmpv6.mld.source_address", ours: "mld.source"},
	{tshark: "icmpv6.mldr.nb_mcast_records", ours: "mld.records"}, {tshark: "icmpv6.mldr.mar.record_type", ours: "mld.record.type"},
	{tshark: "icmpv6.mldr.mar.aux_data_len", ours: "mld.record.aux_length", how: words}, {tshark: "icmpv6.mldr.mar.nb_sources", ours: "mld.record.sources"},
	{tshark: "icmpv6.mldr.mar.multicast_address", ours: "mld.record.group"}, {tshark: "icmpv6.mldr.mar.source_address", ours: "mld.record.source"},

	{tshark: "rsvp.version", ours: "rsvp.version"}, {tshark: "rsvp.flags", ours: "rsvp.flags"}, {tshark: "rsvp.msg", ours: "rsvp.type"},
	{tshark: "rsvp.message_checksum", ours: "rsvp.checksum"}, {tshark: "rsvp.sending_ttl", ours: "rsvp.send_ttl"}, {tshark: "rsvp.message_length", ours: "rsvp.length"},
	{tshark: "rsvp.object", ours: "object.class"}, {tshark: "rsvp.length", ours: "object.length"},
	{tshark: "rsvp.session.ip", ours: "rsvp.SESSION.dest_address/4"}, {tshark: "rsvp.session.destination_address", ours: "rsvp.SESSION.dest_address/6"},
	{tshark: "rsvp.session.proto", ours: "rsvp.SESSION.protocol_id/4"}, {tshark: "rsvp.session.protocol", ours: "rsvp.SESSION.protocol_id/6"},
	{tshark: "rsvp.session.port", ours: "rsvp.SESSION.dst_port/4"}, {tshark: "rsvp.session.destination_port", ours: "rsvp.SESSION.dst_port/6"},
	{tshark: "rsvp.session.flags", ours: "rsvp.SESSION.flags"},
	{tshark: "rsvp.hop.neighbor_address_ipv4", ours: "rsvp.RSVP_HOP.hop_address/4"}, {tshark: "rsvp.neighbor_address_ipv6", ours: "rsvp.RSVP_HOP.hop_address/6"},
	{tshark: "rsvp.hop.logical_interface", ours: "rsvp.RSVP_HOP.logical_interface_handle"}, {tshark: "rsvp.refresh_interval", ours: "rsvp.TIME_VALUES.refresh_period"},
	{tshark: "rsvp.error.error_node_ipv4", ours: "rsvp.ERROR_SPEC.error_node_address/4"}, {tshark: "rsvp.error.error_node_ipv6", ours: "rsvp.ERROR_SPEC.error_node_address/6"},
	{tshark: "rsvp.error_flags", ours: "rsvp.ERROR_SPEC.flags"}, {tshark: "rsvp.error.error_code", ours: "rsvp.ERROR_SPEC.error_code"},
	{tshark: "rsvp.error_value", ours: "rsvp.ERROR_SPEC.error_value"},
	{tshark: "rsvp.scope.ipv4_address", ours: "rsvp.SCOPE.src_address/4"}, {tshark: "rsvp.scope.ipv6_address", ours: "rsvp.SCOPE.src_address/6"},
	{tshark: "rsvp.style.flags", ours: "rsvp.STYLE.flags"}, {tshark: "rsvp.style.style", ours: "rsvp.STYLE.option_vector"},
	{tshark: "rsvp.sender.ip", ours: "rsvp.SENDER_TEMPLATE.src_address/4 rsvp.FILTER_SPEC.src_address/4"},
	{tshark: "rsvp.sender.port", ours: "rsvp.SENDER_TEMPLATE.src_port/4 rsvp.FILTER_SPEC.src_port/4"},
	{tshark: "rsvp.confirm.receiver_address_ipv4", ours: "rsvp.RESV_CONFIRM.receiver_address/4"}, {tshark: "rsvp.confirm.receiver_address_ipv6", ours: "rsvp.RESV_CONFIRM.receiver_address/6"},
	{tshark: "rsvp.tspec.message_format_version", ours: "rsvp.SENDER_TSPEC.version", how: high4}, {tshark: "rsvp.flowspec.message_format_version", ours: "rsvp.FLOWSPEC.version", how: high4},
	{tshark: "rsvp.adspec.message_format_version", ours: "rsvp.ADSPEC.version", how: high4},
	{tshark: "rsvp.data_length", ours: "rsvp.SENDER_TSPEC.length_in_words rsvp.SENDER_TSPEC.service_length_in_words rsvp.FLOWSPEC.length_in_words rsvp.FLOWSPEC.service_length_in_words " +
		"rsvp.ADSPEC.length_in_words rsvp.ADSPEC.service_length_in_words"},
	{tshark: "rsvp.tspec.service_header", ours: "rsvp.SENDER_TSPEC.service"}, {tshark: "rsvp.flowspec.service_header", ours: "rsvp.FLOWSPEC.service"},
	{tshark: "rsvp.parameter", ours: "rsvp.SENDER_TSPEC.parameter rsvp.FLOWSPEC.parameter"},
	{tshark: "rsvp.parameter_flags", ours: "rsvp.SENDER_TSPEC.parameter_flags rsvp.FLOWSPEC.parameter_flags"},
	{tshark: "rsvp.parameter_length", ours: "rsvp.SENDER_TSPEC.parameter_length_in_words rsvp.FLOWSPEC.parameter_length_in_words"},
	{tshark: "rsvp.tspec.token_bucket_rate", ours: "rsvp.SENDER_TSPEC.token_bucket_rate"}, {tshark: "rsvp.flowspec.token_bucket_rate", ours: "rsvp.FLOWSPEC.token_bucket_rate"},
	{tshark: "rsvp.tspec.token_bucket_size", ours: "rsvp.SENDER_TSPEC.token_bucket_size"}, {tshark: "rsvp.flowspec.token_bucket_size", ours: "rsvp.FLOWSPEC.token_bucket_size"},
	{tshark: "rsvp.tspec.peak_data_rate", ours: "rsvp.SENDER_TSPEC.peak_data_rate"}, {tshark: "rsvp.flowspec.peak_data_rate", ours: "rsvp.FLOWSPEC.peak_data_rate"},
	{tshark: "rsvp.minimum_policed_unit", ours: "rsvp.SENDER_TSPEC.minimum_policed_unit rsvp.FLOWSPEC.minimum_policed_unit"},
	{tshark: "rsvp.maximum_packet_size", ours: "rsvp.SENDER_TSPEC.maximum_packet_size rsvp.FLOWSPEC.maximum_packet_size"},
	{tshark: "rsvp.flowspec.rate", ours: "rsvp.FLOWSPEC.rate"}, {tshark: "rsvp.flowspec.slack_term", ours: "rsvp.FLOWSPEC.slack_term"},
	{tshark: "rsvp.adspec.service_header", ours: "rsvp.ADSPEC.service"}, {tshark: "rsvp.adspec.break_bit", ours: "rsvp.ADSPEC.break_bit", how: flagBit},
	{tshark: "rsvp.adspec.type", ours: "rsvp.ADSPEC.parameter"}, {tshark: "rsvp.adspec.len", ours: "rsvp.ADSPEC.parameter_length_in_words"},
	{tshark: "rsvp.adspec.float", ours: "rsvp.ADSPEC.path_bandwidth_estimate"},
	{tshark: "rsvp.adspec.uint", ours: "rsvp.ADSPEC.is_hop_count rsvp.ADSPEC.minimum_path_latency rsvp.ADSPEC.composed_mtu rsvp.ADSPEC.ctot rsvp.ADSPEC.dtot rsvp.ADSPEC.csum rsvp.ADSPEC.dsum"},
}

// unnamed are our fields for which tshark has no name, or another idea.
var unnamed = map[string]string{
	"data.bytes":                  "the application's",
	"ipv4.options":                "shown one by one",
	"ipv4.option.data":            "the value of Router Alert, which has a name",
	"ipv6.hop_by_hop.option":      "shown bit by bit",
	"ipv6.hop_by_hop.data":        "the value of Router Alert, which has a name",
	"igmp.code":                   "of reports: reserved",
	"rsvp.SENDER_TSPEC.break_bit": "reserved",
	"rsvp.FLOWSPEC.break_bit":     "reserved",
	"rsvp.ADSPEC.parameter_flags": "not shown",
}

// mpjAgreements are the fields of MPJ, which our dissector names by the registry.
func mpjAgreements() (rows []agreement) {
	add := func(object string, f mpj.Field) {
		if f.Kind == mpj.KindZero || f.Kind == mpj.KindZeros {
			return
		}
		path := "mpj." + object + dissect.FieldName(f.Name)
		row := agreement{tshark: strings.ToLower(path), ours: path}
		if f.Kind == mpj.KindAddr && f.Size == 4 {
			row.ours += "/4"
		} else if f.Kind == mpj.KindAddr {
			row.tshark, row.ours = row.tshark+"6", row.ours+"/6"
		}
		if !slices.ContainsFunc(rows, func(r agreement) bool { return r.tshark == row.tshark }) {
			rows = append(rows, row)
		}
	}
	for _, f := range mpj.HeaderFields {
		add("", f)
	}
	for _, o := range mpj.Objects {
		for _, f := range o.Fields {
			add(o.Name+".", f)
		}
	}
	return rows
}

// item is one value of ours.
type item struct {
	paths []string // the path alone, with the IP version, and with the layer's type
	value dissect.Value
	text  string
}

// items lists the values of a tree in the order of the frame.
func items(tree *dissect.Tree) (all []item) {
	version := "/4"
	if tree.Layer(dissect.LayerIPv6) != nil {
		version = "/6"
	}
	for i := range tree.Layers {
		l := &tree.Layers[i]
		add := func(prefix string, fields []dissect.Field) {
			for _, f := range fields {
				path := prefix + "." + f.Name
				all = append(all, item{[]string{path, path + version, path + "@" + l.Type}, f.Value, f.Text})
			}
		}
		add(l.Name, l.Fields)
		for _, o := range l.Objects {
			if l.Name == dissect.LayerRSVP {
				all = append(all, item{[]string{"object.class"}, dissect.Uint(uint64(o.Class)), ""}, item{[]string{"object.length"}, dissect.Uint(uint64(o.Length)), ""})
			}
			add(l.Name+"."+o.Name, o.Fields)
		}
	}
	return all
}

// shown spells a value of ours as both are compared.
func shown(v dissect.Value) string {
	switch v.Kind() {
	case dissect.KindBool, dissect.KindUint, dissect.KindHex:
		return fmt.Sprint(v.Uint())
	case dissect.KindFloat:
		return fmt.Sprint(v.Float())
	}
	return v.String()
}

// theirs spells a value of tshark's as both are compared.
func theirs(s string, like dissect.Value) string {
	switch like.Kind() {
	case dissect.KindBool, dissect.KindUint, dissect.KindHex:
		if n, err := strconv.ParseUint(s, 0, 64); err == nil {
			return fmt.Sprint(n)
		}
	case dissect.KindFloat:
		if f, err := strconv.ParseFloat(s, 32); err == nil {
			return fmt.Sprint(float32(f))
		}
	case dissect.KindBytes:
		return strings.ReplaceAll(s, ":", "")
	}
	return s
}

// goldenFrames are the frames of the samples and of all goldens.
func goldenFrames(t *testing.T) (all []capture.Record) {
	t.Helper()
	samples, err := capturetest.Capture()
	files := [][]byte{samples}
	for _, path := range capturetest.Goldens(t) {
		var b []byte
		if err == nil {
			b, err = os.ReadFile(path)
		}
		files = append(files, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range files {
		for rec, err := range capture.Open(bytes.NewReader(b)) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, rec.Clone())
		}
	}
	return all
}

// tsharkFields runs tshark over frames and returns its lines, split into columns.
func tsharkFields(t *testing.T, frames []capture.Record, columns []string) (lines [][]string) {
	t.Helper()
	var b bytes.Buffer
	w, err := capture.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range frames {
		if err := w.WriteRecord(rec); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file, script := filepath.Join(dir, "all.pcapng"), filepath.Join(dir, dissector.Name)
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, dissector.Lua(), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-X", "lua_script:" + script, "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-T", "fields", "-E", "separator=|", "-E", "aggregator=;", "-E", "occurrence=a"}
	for _, c := range columns {
		args = append(args, "-e", c)
	}
	cmd := exec.Command("tshark", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "WIRESHARK_CONFIG_DIR="+dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark is needed (Debian: apt-get install tshark): %v\n%s", err, errs.String())
	}
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Split(strings.TrimSuffix(line, "\n"), "|"))
	}
	if len(lines) != len(frames) {
		t.Fatalf("tshark prints %d lines for %d frames\n%s", len(lines), len(frames), errs.String())
	}
	return lines
}

// TestAgreesWithTshark: every value of every golden that tshark names too is the
// same, and every field that goldens have is compared or excused.
func TestAgreesWithTshark(t *testing.T) {
	rows := append(slices.Clone(agreements), mpjAgreements()...)
	var columns []string
	named := make(map[string]bool)
	index := make(map[string][]int)
	for i, r := range rows {
		columns = append(columns, r.tshark)
		for _, p := range strings.Fields(r.ours) {
			base := p
			if cut := strings.IndexAny(p, "/@"); cut >= 0 {
				base = p[:cut]
			}
			named[base] = true
			index[p] = append(index[p], i)
		}
	}
	frames := goldenFrames(t)
	compared, wrong := make([]int, len(rows)), make([]bool, len(rows))
	for n, line := range tsharkFields(t, frames, columns) {
		lists := make([][]item, len(rows))
		for _, it := range items(dissect.Frame(frames[n].Data)) {
			for _, p := range it.paths {
				for _, i := range index[p] {
					lists[i] = append(lists[i], it)
				}
			}
			if base := it.paths[0]; !named[base] && unnamed[base] == "" {
				t.Errorf("%s is neither compared nor excused", base)
				named[base] = true
			}
		}
		for i, r := range rows {
			compared[i] += len(lists[i])
			if got, want := compare(r, lists[i], line[i]); got != want && !wrong[i] {
				wrong[i] = true // once is enough
				t.Errorf("frame %d (%s): %s is %q, tshark has %s %q", n+1, frames[n].Comment, r.ours, got, r.tshark, want)
			}
		}
	}
	total := 0
	for i, r := range rows {
		total += compared[i]
		if compared[i] == 0 {
			t.Errorf("%s is in no golden", r.tshark)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(unnamed)) {
		if named[path] && path != "igmp.code" {
			t.Errorf("%s is excused and compared", path)
		}
	}
	t.Logf("%d values of %d fields in %d frames", total, len(rows), len(frames))
}

// compare returns our values of a row and tshark's, as they are compared.
func compare(r agreement, list []item, column string) (got, want string) {
	var a, b []string
	var values []string
	if column != "" {
		values = strings.Split(column, ";")
	}
	for i, it := range list {
		s := shown(it.value)
		if r.how != nil {
			s = r.how(it.value, it.text)
		}
		a = append(a, s)
		if i < len(values) {
			like := it.value
			if r.how != nil {
				like = dissect.Uint(0)
			}
			b = append(b, theirs(values[i], like))
		}
	}
	if len(values) > len(list) {
		b = append(b, values[len(list):]...)
	}
	return strings.Join(a, ";"), strings.Join(b, ";")
}
