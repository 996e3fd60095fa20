package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/scenario"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/testdata"
)

// testSession has addresses of both families on eth0.
func testSession() *session {
	return &session{iface: "eth0", mine: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")}}
}

func TestParseName(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1":            "10.0.0.1:5000",
		"10.0.0.1:7":          "10.0.0.1:7",
		"10.0.0.1:0":          "10.0.0.1:0",
		"[10.0.0.1]":          "10.0.0.1:5000",
		"fd00::1":             "[fd00::1]:5000",
		"[fd00::1]":           "[fd00::1]:5000",
		"[fd00::1]:7":         "[fd00::1]:7",
		"fd00::1:5000":        "[fd00::1:5000]:5000", // an address
		"fe80::1":             "it is link-local",
		"[fe80::1%eth0]:7":    "it is link-local",
		"169.254.0.1":         "it is link-local",
		"fd00::1%eth0":        "no host's address",
		"":                    "[ADDRESS]:PORT",
		"root":                "[ADDRESS]:PORT",
		"root:5000":           "[ADDRESS]:PORT",
		"10.0.0":              "[ADDRESS]:PORT",
		"10.0.0.1:":           "[ADDRESS]:PORT",
		"10.0.0.1:x":          "[ADDRESS]:PORT",
		"10.0.0.1:65536":      "[ADDRESS]:PORT",
		"10.0.0.1/24":         "[ADDRESS]:PORT",
		"[10.0.0.1":           "[ADDRESS]:PORT",
		"10.0.0.1]":           "[ADDRESS]:PORT",
		"[[fd00::1]]":         "[ADDRESS]:PORT",
		"[fd00::1]5000":       "[ADDRESS]:PORT",
		"0.0.0.0":             "no host's address",
		"::":                  "no host's address",
		"[::]:5000":           "no host's address",
		"127.0.0.1":           "no host's address",
		"::1":                 "no host's address",
		"224.0.0.1":           "no host's address",
		"ff02::1":             "no host's address",
		"255.255.255.255:1":   "no host's address",
		"::ffff:10.0.0.1":     "no host's address",
		"[::ffff:10.0.0.1]:7": "no host's address",
	} {
		got, err := parseName(text)
		switch {
		case err == nil && got.String() != want:
			t.Errorf("%q is %v, want %v", text, got, want)
		case err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--name "+text) || status(err) != statusUsage):
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

func TestOnLink(t *testing.T) {
	s := testSession()
	for text, want := range map[string][3]bool{ // on the link, ours, of a family
		"10.0.0.1": {true, true, true}, "10.0.0.9": {true, false, true}, "10.0.1.1": {false, false, true},
		"fd00::1": {true, true, true}, "fd00::2": {true, false, true}, "fd01::1": {false, false, true},
	} {
		a := netip.MustParseAddr(text)
		if got := [3]bool{s.onLink(a), s.isOurs(a), s.hasFamily(a)}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	s.mine = s.mine[:1]
	if s.hasFamily(netip.MustParseAddr("fd00::1")) {
		t.Error("IPv6 without an address of it")
	}
}

func TestBroadcast(t *testing.T) {
	for p, want := range map[string]string{
		"10.0.0.1/24": "10.0.0.255", "10.1.2.3/8": "10.255.255.255", "10.0.0.5/30": "10.0.0.7", "10.0.0.1/32": "10.0.0.1", "10.0.0.1/0": "255.255.255.255",
		"172.16.5.4/20": "172.16.15.255",
	} {
		if got := broadcast(netip.MustParsePrefix(p)); got.String() != want {
			t.Errorf("%s: %v, want %s", p, got, want)
		}
	}
}

// Point-to-point networks have no broadcast address.
func TestPointToPoint(t *testing.T) {
	for _, a := range []string{"10.0.0.0/31", "10.0.0.1/31", "10.0.0.1/32", "fd00::/127"} {
		s := &session{addrs: []string{a}}
		if err := s.checkAddrs(); err != nil {
			t.Error(err)
		}
	}
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		numbers []uint64
		want    count
		text    string
	}{
		{nil, count{}, "0 datagrams, 0 lost"},
		{[]uint64{0, 1, 2}, count{received: 3, next: 3}, "3 datagrams, 0 lost"},
		{[]uint64{7, 8}, count{received: 2, next: 9}, "2 datagrams, 0 lost"}, // it joined late
		{[]uint64{1, 2, 5, 6, 8}, count{received: 5, lost: 3, next: 9}, "5 datagrams, 3 lost"},
		{[]uint64{1, 3, 2, 3}, count{received: 4, lost: 1, late: 2, next: 4}, "4 datagrams, 1 lost, 2 late or twice"},
	} {
		var got count
		for _, n := range c.numbers {
			got.add(n)
		}
		if got != c.want || got.String() != c.text {
			t.Errorf("%v: %+v %q", c.numbers, got, got)
		}
	}
}

func TestNumber(t *testing.T) {
	b := bytes.Repeat([]byte{0xee}, datagramSize)
	putNumber(b, 1<<40+3)
	if n, ok := number(b); n != 1<<40+3 || !ok {
		t.Errorf("%d, %v", n, ok)
	}
	if want := "MPSR\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x03"; string(b[:dataHeader]) != want {
		t.Errorf("% x", b[:dataHeader])
	}
	for _, bad := range [][]byte{nil, b[:dataHeader-1], make([]byte, datagramSize)} {
		if n, ok := number(bad); ok {
			t.Errorf("% x is number %d", bad, n)
		}
	}
}

// In ten seconds of ticks as many datagrams are due as the rate has.
func TestPace(t *testing.T) {
	for _, rate := range []uint32{0, 100, 500, 20_000, 100_000_000} {
		now := time.Unix(0, 0)
		p := newPace(rate, now)
		if i := p.interval(); i < paceOften || i > paceSeldom {
			t.Errorf("rate %d is looked at every %v", rate, i)
		}
		sent := 0
		for end := now.Add(10 * time.Second); now.Before(end); {
			now = now.Add(p.interval())
			sent += p.due(now, true)
		}
		if want := int(rate) * 10 / datagramSize; sent < want-want/100-1 || sent > want+want/100+1 {
			t.Errorf("rate %d: %d datagrams in 10 s, want %d", rate, sent, want)
		}
	}
}

// What was missed is made up for only in part, and nobody's data is not saved.
func TestPaceIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPace(100*datagramSize, now)
	now = now.Add(time.Hour)
	if n := p.due(now, false); n != 0 {
		t.Errorf("%d datagrams to nobody", n)
	}
	if n := p.due(now, true); n != 0 {
		t.Errorf("%d datagrams saved up", n)
	}
	now = now.Add(time.Hour)
	if n := p.due(now, true); n != 20 {
		t.Errorf("%d datagrams after an hour, want 200 ms' worth", n)
	}
}

func TestEntryLine(t *testing.T) {
	for _, c := range []struct {
		e    scenario.Entry
		want string
	}{
		{scenario.Entry{Kind: scenario.EntryStep, Text: "Data flows."}, "\nData flows."},
		{scenario.Entry{Kind: scenario.EntryCall, Node: "leaf1", Text: "s joined"}, "    1.5000  leaf1   s joined"},
		{scenario.Entry{Kind: scenario.EntryCheck, Node: "a-long-name", Text: "as expected"}, "+   1.5000  a-long-name as expected"},
		{scenario.Entry{Kind: scenario.EntryCheck, Node: "leaf1", Text: "NOT", Bad: true}, "!   1.5000  leaf1   NOT"},
		{scenario.Entry{Kind: scenario.EntryWire, Node: "r", Text: "lost", Bad: true}, "!   1.5000  r       lost"},
	} {
		if got := entryLine(c.e, 1500*time.Millisecond); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestJSON(t *testing.T) {
	e := scenario.Entry{At: machine.VirtualEpoch + 5, Kind: scenario.EntryCall, Node: "leaf1", Text: "\"quoted\"\nand more"}
	want := `{"v":1,"type":"entry","time":"2000-01-01T00:00:00.000000005Z","scenario":"demo","kind":"call","node":"leaf1","text":"\"quoted\"\nand more","bad":false}` + "\n"
	if got := string(entryJSON("demo", e)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	res := &scenario.Result{Scenario: &scenario.Scenario{Name: "x"}, On: "mem", Seed: 3, End: machine.VirtualEpoch}
	want = `{"v":1,"type":"result","time":"2000-01-01T00:00:00.000000000Z","scenario":"x","on":"mem","seed":3,"ok":true,"checks":0,"failed":0,"frames":0,"problems":[],"diff":""}` + "\n"
	if got := string(resultJSON(res, "")); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if got := string(resultJSON(res, "frame 1 differs")); !strings.Contains(got, `"ok":false`) {
		t.Errorf("a difference is good: %s", got)
	}
	if got := string(jsonLine("x", time.Unix(0, 0), field{"f", func() {}})); got != `{"v":1,"type":"x","time":"1970-01-01T00:00:00.000000000Z","f":null}`+"\n" {
		t.Errorf("got %s", got)
	}
}

func TestDatum(t *testing.T) {
	for _, c := range []struct {
		in   []byte
		want []field
	}{
		{nil, nil},
		{[]byte{}, []field{{"caller", ""}}},
		{[]byte("grüß"), []field{{"caller", "grüß"}}},
		{[]byte{0xff, 0}, []field{{"caller_hex", "ff00"}}},
	} {
		if diff := cmp.Diff(c.want, datum("caller", c.in), cmp.AllowUnexported(field{})); diff != "" {
			t.Errorf("%q: %s", c.in, diff)
		}
	}
}

func TestGuest(t *testing.T) {
	reserve := winsock.DefaultQOS
	reserve.Receiving.ServiceType, reserve.Receiving.TokenRate = winsock.SERVICETYPE_GUARANTEED, 8000
	plain := winsock.DefaultQOS
	for _, c := range []struct {
		q    stack.Request
		want string
	}{
		{stack.Request{}, ""},
		{stack.Request{SQOS: &plain}, ""},
		{stack.Request{CallerData: []byte{}}, ` with ""`},
		{stack.Request{CallerData: []byte("a\x00"), SQOS: &reserve}, ` with "a\x00", to reserve 8000 bytes/s`},
	} {
		if got := newGuest(&c.q).String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	q := stack.Request{CallerData: []byte("abc")}
	g := newGuest(&q)
	q.CallerData[0] = 'x' // it is the stack's again
	if string(g.caller) != "abc" {
		t.Error("the caller data are not our own")
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", "a\nb": "a; b", "a\n\nb\n": "a; b"} {
		if got := oneLine(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{finding("x"), 1},
		{usage("x"), 2},
		{missing("x"), 3},
		{errors.New("unknown flag"), 2},
		{fmt.Errorf("more: %w", missing("x")), 3},
		{errors.Join(nil, usage("x")), 2},
		{&statusError{7, errShown}, 7},
	} {
		if got := status(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
	if err := finding("x: %w", os.ErrNotExist); !errors.Is(err, os.ErrNotExist) || err.Error() != "x: file does not exist" {
		t.Error(err)
	}
	if !errors.Is(&statusError{1, errShown}, errShown) {
		t.Error("what was shown is shown again")
	}
}

// limited takes n bytes, then fails.
type limited struct {
	n   int
	err error
}

func (l *limited) Write(b []byte) (int, error) {
	n := min(l.n, len(b))
	if l.n -= n; n < len(b) {
		return n, l.err
	}
	return n, nil
}

func TestOutput(t *testing.T) {
	for _, c := range []struct {
		err     error
		failure bool
	}{{syscall.ENOSPC, true}, {fmt.Errorf("write: %w", syscall.EPIPE), false}, {io.ErrClosedPipe, false}} {
		o := &output{w: &limited{n: 3, err: c.err}}
		if n, err := o.Write([]byte("abc")); n != 3 || err != nil || o.isBroken() || o.failure() != nil {
			t.Errorf("%d, %v", n, err)
		}
		for range 2 {
			if n, err := o.Write([]byte("d")); n != 0 || !errors.Is(err, c.err) {
				t.Errorf("%d, %v", n, err)
			}
		}
		if !o.isBroken() || (o.failure() != nil) != c.failure {
			t.Errorf("%v: failure %v", c.err, o.failure())
		}
	}
	if (&output{w: &bytes.Buffer{}}).isTerminal() {
		t.Error("a buffer is a terminal")
	}
}

func TestOpenPcap(t *testing.T) {
	var out bytes.Buffer
	p := &program{out: &output{w: &out}, err: &output{w: io.Discard}}
	w, closer, err := p.openPcap("")
	if w != nil || err != nil || closer() != nil {
		t.Errorf("none: %v, %v", w, err)
	}
	w, closer, err = p.openPcap("-")
	if w != io.Writer(p.out) || err != nil || closer() != nil {
		t.Errorf("standard output: %v, %v", w, err)
	}
	if p.besides("-") != p.err || p.besides("x") != p.out || p.besides("") != p.out {
		t.Error("the rest goes elsewhere")
	}
	file := filepath.Join(t.TempDir(), "x.pcapng")
	w, closer, err = p.openPcap(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "abc"); err != nil || closer() != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(file); string(b) != "abc" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if _, _, err = p.openPcap(filepath.Dir(file)); status(err) != statusUsage || !strings.Contains(err.Error(), "--pcap: ") {
		t.Error(err)
	}
}

func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	a, b, link := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "link")
	for _, f := range []string{a, b} {
		if err := os.WriteFile(f, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(a, link); err != nil {
		t.Fatal(err)
	}
	if !sameFile(a, link) || !sameFile(dir+"/./a", a) || sameFile(a, b) || sameFile(a, dir+"/none") || sameFile(dir+"/none", dir+"/none") {
		t.Error("files are mistaken for each other")
	}
}

// The copy has no TAP ports; the original keeps them.
func TestTAPToVeth(t *testing.T) {
	sc, err := scenario.Parse(testdata.DemoName, testdata.DemoScenario)
	if err != nil {
		t.Fatal(err)
	}
	taps := func(sc *scenario.Scenario) (n int) {
		for _, node := range sc.Nodes {
			for _, p := range node.Ports {
				if p.Backend == scenario.BackendTap {
					n++
				}
			}
		}
		return n
	}
	c := tapToVeth(sc)
	if taps(sc) != 1 || taps(c) != 0 {
		t.Errorf("%d TAP ports, %d in the copy", taps(sc), taps(c))
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

// In the same process: what Main prints goes where it is told.
func TestMainWriters(t *testing.T) {
	var out, errout bytes.Buffer
	if got := Main([]string{"version"}, &out, &errout); got != 0 || !strings.HasPrefix(out.String(), "mpstack ") || errout.Len() > 0 {
		t.Errorf("%d, %q, %q", got, &out, &errout)
	}
	out.Reset()
	reject := "../../../../testdata/scenarios/reject.yaml"
	if got := Main([]string{"run", "--quiet", "--pcap", "-", reject}, &out, &errout); got != 0 || !bytes.HasPrefix(out.Bytes(), []byte{0x0a, 0x0d, 0x0d, 0x0a}) || !strings.HasPrefix(errout.String(), "reject on mem, ") {
		t.Errorf("%d, %q", got, &errout)
	}
	if got := Main([]string{"run", reject}, &limited{n: 100, err: syscall.ENOSPC}, &errout); got != statusUsage || !strings.HasSuffix(errout.String(), "mpstack: cannot write: no space left on device\n") {
		t.Errorf("%d, %q", got, &errout)
	}
}
