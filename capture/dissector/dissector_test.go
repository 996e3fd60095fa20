package dissector_test

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/capture/dissector"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/mpj"
	"github.com/mpstack/mpstack/wire/object"
)

// tshark prints what it shows of the MPJ messages among the samples, and of one
// with an object that nobody knows.
func tshark(t *testing.T, args ...string) string {
	t.Helper()
	frames, err := capturetest.Samples()
	if err != nil {
		t.Fatal(err)
	}
	var f capturetest.Builder
	n := capturetest.Nets[0]
	strange := mpj.Message{Type: mpj.TypePending, DstTag: 1, SrcTag: 2, Transaction: 3,
		Unknown: []object.Object{{Class: 200, CType: 9, Body: []byte("huh?")}}}
	frames = append(frames, wire.Frame{Data: f.MPJ(n.Root, n.Leaf, &strange), Port: "root/eth0"})
	if f.Err != nil {
		t.Fatal(f.Err)
	}
	return run(t, frames, append([]string{"-Y", "mpj"}, args...)...)
}

// run prints what tshark with our script shows of frames.
func run(t *testing.T, frames []wire.Frame, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Fatalf("tshark is needed (Debian: apt-get install tshark): %v", err)
	}
	file, err := capturetest.File(frames...)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"x.pcapng": file, dissector.Name: dissector.Lua()} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, append([]string{"-n", "-X", "lua_script:" + dissector.Name, "-r", "x.pcapng"}, args...)...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	// The exit status is 0 whatever becomes of a script.
	for line := range strings.Lines(errs.String()) {
		if strings.Contains(line, "Lua") || strings.Contains(line, "doesn't exist") || strings.Contains(line, "mpj") {
			t.Errorf("tshark says: %s", line)
		}
	}
	return out.String()
}

// TestEveryFieldAppears asks for every field by name that the script defines:
// each has a value in some sample.
func TestEveryFieldAppears(t *testing.T) {
	abbreviations := regexp.MustCompile(`ProtoField\.\w+\("(mpj\.[^"]+)"`).FindAllSubmatch(dissector.Lua(), -1)
	if len(abbreviations) < 60 {
		t.Fatalf("the script defines %d fields", len(abbreviations))
	}
	args := []string{"-T", "fields", "-E", "separator=|"}
	for _, a := range abbreviations {
		args = append(args, "-e", string(a[1]))
	}
	seen := make([]bool, len(abbreviations))
	lines := 0
	for line := range strings.Lines(tshark(t, args...)) {
		lines++
		for i, v := range strings.Split(strings.TrimSuffix(line, "\n"), "|") {
			seen[i] = seen[i] || v != ""
		}
	}
	if want := 2*len(capturetest.Messages(capturetest.Nets[0])) + 1; lines != want {
		t.Errorf("%d MPJ frames, want %d", lines, want)
	}
	for i, s := range seen {
		if !s {
			t.Errorf("%s has no value in any sample", abbreviations[i][1])
		}
	}
}

// TestValues compares what tshark shows of some frames with what was encoded.
func TestValues(t *testing.T) {
	for _, tt := range []struct{ filter, fields, want string }{
		{"mpj.type == 1 && mpj.target.addr && !mpj.session", "mpj.type mpj.flags mpj.flags.q mpj.dst_tag mpj.src_tag mpj.transaction",
			"1|0x0001|1|0x0000000000000000|0x1122334455667788|1"},
		{"mpj.type == 1 && mpj.target.addr && !mpj.session", "mpj.target.addr mpj.target.port mpj.caller.addr mpj.role.control_role mpj.role.planes mpj.role.jl mpj.user_data.data mpj.join_limits.callee_room",
			"10.0.0.9|5000|10.0.0.1|2|0x03|4|68656c6c6f2c20726f6f74|256"},
		{"mpj.type == 4 && mpj.session.group6", "mpj.session.group6 mpj.session.port mpj.session.ttl mpj.session.mode mpj.root_data.addr6 mpj.timers.hello_interval mpj.qos.sending_token_rate mpj.qos.receiving_minimum_policed_size",
			"ff3e::8000:1|50001|32|1|2001:db8::9|10000|125000|64"},
		{"mpj.type == 5 && ip", "mpj.reason.code mpj.reason.winsock_error mpj.user_data.length", "2|10061|4"},
		{"mpj.type == 7 && ipv6", "mpj.reservation.error_code mpj.reservation.error_value mpj.reservation.error_node6", "1|0x0002|2001:db8::9"},
		{"mpj.type == 9 && ip", "mpj.integrity.key_identifier mpj.integrity.sequence_number", "0x00005aa500005aa5|99664716126885"},
		{"mpj.object.class == 200", "mpj.object.class mpj.object.ctype mpj.object.length mpj.object.body", "200|9|8|6875683f"},
	} {
		args := []string{"-T", "fields", "-E", "separator=|", "-Y", tt.filter}
		for _, f := range strings.Fields(tt.fields) {
			args = append(args, "-e", f)
		}
		if got := strings.TrimSpace(tshark(t, args...)); got != tt.want {
			t.Errorf("%s: %s: got %q, want %q", tt.filter, tt.fields, got, tt.want)
		}
	}
}

// TestText pins what people see of two messages.
func TestText(t *testing.T) {
	got := tshark(t, "-O", "mpj", "-Y", "ip && (mpj.type == 1 || mpj.type == 5)")
	for _, want := range []string{
		"Multipoint Join Protocol, JOIN\n",
		"    Type: JOIN (1)\n",
		"    Flags: 0x0001\n        .... .... .... ...1 = Q: True\n",
		"    TARGET (IPv4): Address: 10.0.0.9, Port: 5000\n",
		`    USER_DATA (caller): Length: 11, "hello, root"` + "\n",
		"    ROLE: Control role: c_leaf (2), Data role: d_leaf (2), Planes: 0x03, JL: JL_BOTH (4)\n",
		"        Code: REFUSED (2)\n        Winsock error: WSAECONNREFUSED (10061)\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, other := range []string{"Malformed", "Expert Info (Warning", "Expert Info (Error"} {
		if strings.Contains(got, other) {
			t.Errorf("%q in\n%s", other, got)
		}
	}
}

// TestColumns pins the packet list.
func TestColumns(t *testing.T) {
	got := tshark(t, "-T", "fields", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info", "-Y", "ip && mpj.type == 12")
	if got != "MPJ\tHELLO-ACK\n" {
		t.Errorf("%q", got)
	}
}

// TestOtherPortsAreNotOurs shows the same bytes on our port and on another one:
// nothing is guessed.
func TestOtherPortsAreNotOurs(t *testing.T) {
	m := capturetest.Messages(capturetest.Nets[1])[0]
	payload, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	var f capturetest.Builder
	var frames []wire.Frame
	for _, port := range []uint16{mpj.Port, mpj.Port + 1} {
		n := capturetest.Nets[1]
		frames = append(frames, wire.Frame{Port: "a/b", Data: f.UDP(netip.AddrPortFrom(n.Leaf, 6000), netip.AddrPortFrom(n.Root, port), 64, payload)})
	}
	if f.Err != nil {
		t.Fatal(f.Err)
	}
	if got := run(t, frames, "-T", "fields", "-e", "udp.dstport", "-e", "mpj.type"); got != "52205\t1\n52206\t\n" {
		t.Errorf("%q", got)
	}
}

func TestLuaIsACopy(t *testing.T) {
	dissector.Lua()[0] = 0
	if dissector.Lua()[0] == 0 {
		t.Error("a caller can change the script")
	}
}
