package main_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/wire"
)

// frames counts the frames of a capture.
func frames(t *testing.T, file string) int {
	t.Helper()
	n := 0
	for _, err := range capture.Open(bytes.NewReader(read(t, file))) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// Members that the help of decode documents.
var (
	ofFrame  = members("v frame time iface dir original_length layers error comment")
	ofLayer  = members("name type offset length fields objects")
	ofObject = members("class ctype name form offset length fields")
	ofField  = members("name offset length value text")
	ofError  = members("layer field offset reason")
)

func members(names string) map[string]bool {
	all := make(map[string]bool)
	for _, n := range strings.Fields(names) {
		all[n] = true
	}
	return all
}

// The JSON of every golden holds what the help says, and nothing else.
func TestDecodeJSON(t *testing.T) {
	for _, file := range capturetest.Goldens(t) {
		a := mpstack(t, "decode", "--json", file)
		a.is(t, 0)
		all := lines(t, a.stdout)
		if want := frames(t, file); len(all) != want || want == 0 {
			t.Errorf("%s: %d lines, %d frames", file, len(all), want)
		}
		for i, m := range all {
			if m["frame"] != float64(i+1) || m["dir"] != "out" || m["iface"] == "" || m["comment"] == "" || m["error"] != nil {
				t.Errorf("%s: %v", file, m)
			}
			checkMembers(t, m, ofFrame)
			for _, l := range list(m, "layers") {
				checkMembers(t, l, ofLayer)
				checkFields(t, l)
				for _, o := range list(l, "objects") {
					checkMembers(t, o, ofObject)
					checkFields(t, o)
				}
			}
		}
	}
}

func checkFields(t *testing.T, m map[string]any) {
	t.Helper()
	for _, f := range list(m, "fields") {
		checkMembers(t, f, ofField)
		if f["value"] == nil {
			t.Errorf("%v has no value", f)
		}
	}
}

func checkMembers(t *testing.T, m map[string]any, known map[string]bool) {
	t.Helper()
	for name := range m {
		if !known[name] {
			t.Errorf("%q is not documented: %v", name, m)
		}
	}
}

func list(m map[string]any, name string) []map[string]any {
	var all []map[string]any
	values, _ := m[name].([]any)
	for _, v := range values {
		all = append(all, v.(map[string]any))
	}
	return all
}

// One frame known by heart, in both forms.
func TestDecodePath(t *testing.T) {
	file := goldens + "demo.pcapng"
	a := mpstack(t, "decode", "--json", file)
	a.is(t, 0)
	all := lines(t, a.stdout)
	var path map[string]any
	for _, m := range all {
		layers := list(m, "layers")
		if top := layers[len(layers)-1]; path == nil && top["name"] == "rsvp" && top["type"] == "Path" {
			path = m
		}
	}
	if path == nil {
		t.Fatal("no Path")
	}
	layers := list(path, "layers")
	var names []string
	for _, l := range layers {
		names = append(names, l["name"].(string))
	}
	session := list(layers[len(layers)-1], "objects")[0]
	got := fmt.Sprintln(names, session["name"], session["class"], session["ctype"], session["length"], path["iface"], path["comment"])
	if want := "[eth ipv4 rsvp] SESSION 1 1 12 root/eth0 rsvp/path/new\n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}

	a = mpstack(t, "decode", file)
	a.is(t, 0)
	has(t, a.stdout, "root/eth0 out ", "rsvp Path 10.0.1.10 > 232.", "[rsvp/path/new]\n", "\n      SESSION 1.1 IPv4/UDP ", "mpj JOIN 10.0.2.11 > 10.0.1.10")
}

// damaged is a capture of three frames, the second of which does not decode.
func damaged(t *testing.T) []byte {
	t.Helper()
	samples, err := capturetest.Samples()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(samples, func(f wire.Frame) bool { return f.Data[12] == 8 && f.Data[13] == 0 && f.Data[23] == 46 })
	if i < 0 {
		t.Fatal("no sample of RSVP over IPv4")
	}
	bad := samples[i].Clone()
	at := 14 + int(bad.Data[14]&15)*4 + 8
	bad.Data[at], bad.Data[at+1] = 0, 3 // the first object's length
	all := []wire.Frame{samples[0], bad, samples[1]}
	b, err := capturetest.File(all...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A frame that does not decode is shown with its error, and the rest goes on.
func TestDecodeDamagedFrame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "damaged.pcapng")
	if err := os.WriteFile(file, damaged(t), 0o644); err != nil {
		t.Fatal(err)
	}
	a := mpstack(t, "decode", "--json", file)
	a.is(t, 0)
	all := lines(t, a.stdout)
	if len(all) != 3 || all[0]["error"] != nil || all[1]["error"] == nil || all[2]["error"] != nil {
		t.Fatalf("%s", a.stdout)
	}
	e := all[1]["error"].(map[string]any)
	checkMembers(t, e, ofError)
	if len(e) != len(ofError) || e["layer"] != "rsvp" || e["offset"].(float64) < 34 || e["reason"] == "" {
		t.Errorf("%v", e)
	}
	if len(list(all[1], "layers")) < 2 {
		t.Errorf("the layers before the damage are gone: %v", all[1])
	}

	a = mpstack(t, "decode", file)
	a.is(t, 0)
	has(t, a.stdout, "\n    error at byte ", "\n3 ")
}

// A file that ends within a frame: what is whole is shown, then the complaint.
func TestDecodeCutFile(t *testing.T) {
	whole := read(t, goldens+"reject.pcapng")
	n := frames(t, goldens+"reject.pcapng")
	file := filepath.Join(t.TempDir(), "cut.pcapng")
	if err := os.WriteFile(file, whole[:len(whole)-10], 0o644); err != nil {
		t.Fatal(err)
	}
	a := mpstack(t, "decode", "--json", file)
	a.complains(t, 2, "cut.pcapng: ", "truncated")
	if all := lines(t, a.stdout); len(all) != n-1 {
		t.Errorf("%d of %d whole frames are shown", len(all), n-1)
	}
}

// Compressed captures, and standard input.
func TestDecodeInputs(t *testing.T) {
	whole := read(t, goldens+"reject.pcapng")
	want := mpstack(t, "decode", goldens+"reject.pcapng")
	want.is(t, 0)

	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(whole); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, input := range [][]byte{whole, zipped.Bytes()} {
		cmd := exec.Command(binary, "decode", "-")
		cmd.Stdin = bytes.NewReader(input)
		a := finish(t, cmd)
		a.is(t, 0)
		if a.stdout != want.stdout {
			t.Errorf("standard input is shown otherwise:\n%s", a.stdout)
		}
	}
}

// What comes through a pipe is shown at once; Ctrl-C ends the wait for more.
func TestDecodeLive(t *testing.T) {
	whole := read(t, goldens+"reject.pcapng")
	r, w := io.Pipe()
	defer w.Close()
	cmd := exec.Command(binary, "decode", "-")
	cmd.Stdin = r
	cmd.WaitDelay = bound
	p := start(t, cmd)
	go func() { _, _ = w.Write(whole) }() // and no end
	last := frames(t, goldens+"reject.pcapng")
	p.says(fmt.Sprintf(`(?m)^%d \S+ \S+ out `, last))
	p.send(syscall.SIGINT)
	w.Close()
	if a := p.wait(); a.signal != syscall.SIGINT {
		t.Errorf("status %d, signal %v", a.status, a.signal)
	}
}
