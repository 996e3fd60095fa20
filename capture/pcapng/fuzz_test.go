package pcapng

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
)

// files returns the small ones among the golden captures and, while
// MPSTACK_CORPUS is set, among the pcapng captures by others.
func files(f *testing.F) (all [][]byte) {
	paths, err := filepath.Glob("../../testdata/pcaps/*.pcapng")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no golden captures: %v", err)
	}
	if dir := os.Getenv("MPSTACK_CORPUS"); dir != "" {
		others, err := filepath.Glob(filepath.Join(dir, "*", "*.pcapng"))
		if err != nil {
			f.Fatal(err)
		}
		paths = append(paths, others...)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) <= 8<<10 {
			all = append(all, b)
		}
	}
	return all
}

// FuzzReader reads anything: no panic, no packet larger than its file, and
// what can be written again reads the same.
func FuzzReader(f *testing.F) {
	f.Add(write(f, frame("a/b", 1, 60), frame("b/c", 2, 100)))
	for _, m := range []*builder{little(), big()} {
		f.Add(m.section().iface(1, 4, m.option(optIfTsResol, []byte{0x8a})).block(blockSimple, m.u32(6), []byte("ghij")).b)
		f.Add(m.section().iface(1, 0).block(blockPacket, m.u16(0, 9), m.u32(0, 7, 2, 60), []byte("kl\x00\x00"), m.option(optComment, []byte("c"))).b)
	}
	for _, b := range files(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		var out bytes.Buffer
		w, err := NewWriter(&out, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var frames []wire.Frame
		for {
			p, err := r.Next()
			if err != nil {
				break
			}
			if len(p.Data) > len(b) || p.OrigLen < len(p.Data) || p.Offset >= int64(len(b)) {
				t.Fatalf("packet %+v of a file of %d bytes", p, len(b))
			}
			fr := wire.Frame{Data: p.Data, At: p.At, Port: p.Interface.Name, Dir: p.Dir, Cause: machine.Cause(p.Comment)}
			if w.WriteFrame(fr) == nil {
				frames = append(frames, fr.Clone())
			}
		}
		again := NewReader(&out)
		for i, fr := range frames {
			p, err := again.Next()
			if err != nil || !bytes.Equal(p.Data, fr.Data) || p.At != fr.At || p.Interface.Name != fr.Port || p.Dir != fr.Dir || p.Comment != fr.Comment() {
				t.Fatalf("frame %d: %+v, %v, want %+v", i, p, err, fr)
			}
		}
		if _, err := again.Next(); err != io.EOF {
			t.Fatalf("after %d frames: %v", len(frames), err)
		}
	})
}
