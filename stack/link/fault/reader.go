package fault

import (
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
)

// Reader is a link whose sent frames pass a fault first. A dropped frame is a
// success to the sender, as it is on a wire. Calls of Send must not overlap
// unless the fault allows it.
type Reader struct {
	inner link.Reader
	fault link.Fault
	lost  func(wire.Frame)
}

var (
	_ link.Reader   = (*Reader)(nil)
	_ link.Observer = (*Reader)(nil)
)

// NewReader wraps inner. lost, which may be nil, sees the frames that are
// dropped, with their fate: a tee below this link does not.
func NewReader(inner link.Reader, f link.Fault, lost func(wire.Frame)) *Reader {
	return &Reader{inner: inner, fault: f, lost: lost}
}

// Info implements [link.Link].
func (r *Reader) Info() link.Info { return r.inner.Info() }

// Send asks the fault and hands the frame on.
func (r *Reader) Send(f wire.Frame) error {
	g := f
	g.Dir = wire.DirOut
	if g.Port == "" {
		g.Port = r.inner.Info().Port
	}
	v := r.fault.Apply(f.At, g)
	if !v.Drop {
		return r.inner.Send(f)
	}
	if r.lost != nil {
		g.Fate = v.Fate
		if g.Fate == "" {
			g.Fate = link.FateLost
		}
		r.lost(g)
	}
	return nil
}

// Recv implements [link.Reader]; what arrives passes untouched.
func (r *Reader) Recv(buf []byte) (int, error) { return r.inner.Recv(buf) }

// Received implements [link.Observer] by telling the link below.
func (r *Reader) Received(f wire.Frame) { link.Received(r.inner, f) }

// Close closes the link below.
func (r *Reader) Close() error { return r.inner.Close() }

// Unwrap returns the link below.
func (r *Reader) Unwrap() link.Link { return r.inner }
