package decoding

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/mpstack/mpstack/wire/object"
)

// inputs yields what a decoder is given: its seeds, cut at lengths that are
// spread over them, and with random bytes changed, also mended.
func (d *decoder) inputs(t testing.TB) [][]byte {
	r := rand.New(rand.NewPCG(1, 1))
	seeds := d.seeds(t)
	if len(seeds) == 0 {
		t.Fatalf("%s: no seeds", d.name)
	}
	all := [][]byte{{}, nil, make([]byte, 1500), bytes.Repeat([]byte{0xff}, 1500), bytes.Repeat([]byte{0, 4}, 700)}
	for i, s := range seeds {
		all = append(all, s)
		cuts, changes := 6, 10
		if i < 12 {
			cuts, changes = 40, 40
		}
		for k := range min(cuts, len(s)) {
			all = append(all, d.mended(s[:k*len(s)/cuts]))
		}
		for range changes {
			if len(s) == 0 {
				break
			}
			b := bytes.Clone(s)
			for range 1 + r.IntN(4) {
				b[r.IntN(min(len(b), 1+r.IntN(len(b))))] = []byte{0, 1, 4, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(7)]
			}
			all = append(all, b, d.mended(b))
		}
	}
	return all
}

func (d *decoder) mended(b []byte) []byte {
	b = bytes.Clone(b)
	if d.mend != nil && len(b) > 0 {
		d.mend(b)
	}
	return b
}

// bound returns what decoding n bytes may allocate.
func (d *decoder) bound(n int) uint64 {
	f, e := factor, extra
	if d.why != "" {
		f, e = max(f, d.factor), max(e, d.extra)
	}
	return uint64(f*n + e)
}

// TestAnyBytes gives every decoder its inputs: none panics, errors name layer,
// field, offset and reason, and no input costs more memory than the bound.
func TestAnyBytes(t *testing.T) {
	for i := range decoders {
		d := &decoders[i]
		t.Run(d.name, func(t *testing.T) {
			inputs := d.inputs(t)
			refused := 0
			var most uint64
			ratio := 0.0 // of what is over extra
			for _, b := range inputs {
				got, err := d.measure(t, b)
				limit := d.bound(len(b))
				for try := 0; got > limit && try < 2; try++ { // not of something else in the process
					again, _ := d.measure(t, b)
					got = min(got, again)
				}
				if got > limit {
					t.Errorf("%d bytes of memory for %d of input, more than %d:\n%s", got, len(b), limit, dump(b))
				}
				most = max(most, got)
				if got > extra && len(b) > 0 {
					ratio = max(ratio, float64(got-extra)/float64(len(b)))
				}
				if err != nil {
					refused++
					if reason := d.bad(b, err); reason != "" {
						t.Errorf("%s: %v\n%s", reason, err, dump(b))
					}
				}
				if t.Failed() {
					break
				}
			}
			t.Logf("%d inputs, %d refused, at most %d bytes: %d and %.1f for each byte of input", len(inputs), refused, most, extra, ratio)
		})
	}
}

// measure decodes b and returns the bytes that it allocated. A panic fails the
// test and shows the input.
func (d *decoder) measure(t *testing.T, b []byte) (allocated uint64, err error) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v\n%s", r, dump(b))
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = d.decode(b)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

// bad says what is wrong with the error for b.
func (d *decoder) bad(b []byte, err error) string {
	if d.plain {
		if errors.Is(err, object.ErrTruncated) || errors.Is(err, object.ErrLength) {
			return ""
		}
		return "an error without a class"
	}
	de, ok := errors.AsType[*object.DecodeError](err)
	switch {
	case !ok:
		return "no *DecodeError"
	case de.Layer == "" || de.Field == "":
		return "an error without layer or field"
	case de.Offset < 0 || de.Offset > len(b):
		return fmt.Sprintf("an offset outside of %d bytes", len(b))
	case de.Err == nil || de.Err.Error() == "":
		return "an error without a reason"
	}
	return ""
}

func dump(b []byte) string { return hex.Dump(b[:min(len(b), 256)]) }
