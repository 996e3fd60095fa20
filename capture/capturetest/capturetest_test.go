package capturetest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/mpj"
)

func write(t *testing.T, b []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "judged.pcapng")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSamples has every kind of frame judged.
func TestSamples(t *testing.T) {
	b, err := capturetest.Capture()
	v := capturetest.MustPass(t, write(t, b, err), capturetest.Options{})
	if v.Frames != 54 || v.MPJ != 28 || v.RSVP != 16 {
		t.Errorf("%+v", v)
	}
}

// TestJudgeComplains breaks one frame at a time: the judge must see it.
func TestJudgeComplains(t *testing.T) {
	frames, err := capturetest.Samples()
	if err != nil {
		t.Fatal(err)
	}
	find := func(cause string) wire.Frame {
		for _, f := range frames {
			if string(f.Cause) == cause {
				return f.Clone()
			}
		}
		t.Fatalf("no sample %s", cause)
		return wire.Frame{}
	}
	var broken []wire.Frame
	breakIt := func(cause string, at int, mask byte) {
		f := find(cause)
		f.Data[(at+len(f.Data))%len(f.Data)] ^= mask
		broken = append(broken, f)
	}
	breakIt("sample/data", -1, 1)           // UDP checksum
	breakIt("sample/data", 22, 1)           // IPv4 header checksum
	breakIt("sample/group/report", -1, 1)   // IGMP checksum
	breakIt("sample/rsvp/Path", -1, 1)      // RSVP checksum
	breakIt("sample/mpj/CONFIRM", 14+20, 1) // no longer our port, checksum wrong
	b, err := capturetest.File(broken...)
	v := capturetest.Judge(t, write(t, b, err), capturetest.Options{})
	all := strings.Join(v.Complaints, "\n")
	for _, want := range []string{
		"frame 1: udp: checksum", "frame 1: udp.checksum.status is 0",
		"frame 2: ipv4: header checksum", "frame 2: ip.checksum.status is 0",
		"frame 3: igmp: checksum", "frame 3: igmp.checksum.status is 0",
		"frame 4: rsvp: RSVP Checksum", "RSVP message 1 of the file: Message Checksum: ",
		"frame 5: udp.checksum.status is 0",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no complaint %q in\n%s", want, all)
		}
	}
}

// TestJudgeSeesMPJ breaks MPJ messages under good checksums: our dissector must
// show an expert info, and our decoder an error.
func TestJudgeSeesMPJ(t *testing.T) {
	var f capturetest.Builder
	n := capturetest.Nets[0]
	m := capturetest.Messages(n)[0]
	good, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		bytes func(b []byte) []byte
		want  string
	}{
		{func(b []byte) []byte { return b[:20] }, "20 bytes, the header needs 32"},
		{func(b []byte) []byte { b[0] = 2; return b }, "Version 2"},
		{func(b []byte) []byte { b[5]++; return b }, "in a datagram of"},
		{func(b []byte) []byte { b[7] = 1; return b }, "Bytes that must be zero are not"},
		{func(b []byte) []byte { b[33] = 7; return b }, "Object length 7"},
		{func(b []byte) []byte { b[32] = 0x40; return b }, "Object length 16396"},
		{func(b []byte) []byte { b[33] = 8; return b }, "Object of 8 bytes"},
		{func(b []byte) []byte { b[34] = 9; return b }, "Object that must be known is not"},
		{func(b []byte) []byte { b = append(b, 0, 0); b[5] += 2; return b }, "2 bytes after the last object"},
	}
	var frames []wire.Frame
	for _, c := range cases {
		data := f.UDP(addrPort(n.Leaf), addrPort(n.Root), 64, c.bytes(bytes.Clone(good)))
		frames = append(frames, wire.Frame{Data: data, Port: "a/b"})
	}
	if f.Err != nil {
		t.Fatal(f.Err)
	}
	b, err := capturetest.File(frames...)
	file := write(t, b, err)
	v := capturetest.Judge(t, file, capturetest.Options{})
	for i, c := range cases {
		expert, ours := false, false
		for _, line := range v.Complaints {
			frame := strings.HasPrefix(line, fmt.Sprintf("frame %d: ", i+1))
			expert = expert || frame && strings.Contains(line, "expert: ") && strings.Contains(line, c.want)
			ours = ours || frame && strings.Contains(line, ": mpj: ")
		}
		if !expert || !ours {
			t.Errorf("frame %d: no complaint %q of tshark or none of our decoder in\n%s", i+1, c.want, strings.Join(v.Complaints, "\n"))
		}
	}
	allowed := capturetest.Judge(t, file, capturetest.Options{Allow: messages(v)})
	if left := messages(allowed); len(left) > 0 || len(allowed.Complaints) == 0 {
		t.Errorf("allowed, but %v of %v", left, allowed.Complaints)
	}
}

// messages returns the texts of expert infos among the complaints.
func messages(v capturetest.Verdict) (texts []string) {
	for _, c := range v.Complaints {
		if _, text, ok := strings.Cut(c, "expert: "); ok {
			text, _, _ = strings.Cut(text, " (severity")
			texts = append(texts, text)
		}
	}
	return texts
}

func addrPort(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, mpj.Port) }

// TestLive writes frames into tshark's pipe and sees each before it writes the
// next: "--pcap - | wireshark -k -i -" is up to date.
func TestLive(t *testing.T) {
	frames, err := capturetest.Samples()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tshark", "-n", "-l", "-r", "-", "-T", "fields",
		"-e", "frame.number", "-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "frame.comment", "-e", "frame.time_epoch")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("tshark is needed (Debian: apt-get install tshark): %v", err)
	}
	w, err := capture.NewWriter(in)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for i, f := range frames[:6] {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
		got, err := lines.ReadString('\n')
		want := fmt.Sprintf("%d\t%s\t0x00000002\t%s\t946684800.%03d000000\n", i+1, f.Port, f.Cause, i+1)
		if got != want || err != nil {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
