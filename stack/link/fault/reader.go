package fault

import (
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
)

// Reader is a link whose sent frames pass a fault first. A dropped frame is a
// success to the sender, as it is on a wire. Calls that send must not overlap
// unless the fault allows it.
type Reader struct {
	inner link.Reader
	fault link.Fault
	lost  func(wire.Frame)
}

var (
	_ link.InfoReader  = (*Reader)(nil)
	_ link.BatchReader = (*Reader)(nil)
	_ link.BatchLink   = (*Reader)(nil)
	_ link.Observer    = (*Reader)(nil)
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
	if r.drops(f) {
		return nil
	}
	return r.inner.Send(f)
}

// SendBatch asks the fault about each frame and hands on those that pass. The
// dropped ones count as sent.
func (r *Reader) SendBatch(frames []wire.Frame) (int, error) {
	pass := make([]wire.Frame, 0, len(frames))
	for _, f := range frames {
		if !r.drops(f) {
			pass = append(pass, f)
		}
	}
	n, err := link.SendBatch(r.inner, pass)
	return len(frames) - len(pass) + n, err
}

// drops asks the fault about a frame, and tells of it where it is lost.
func (r *Reader) drops(f wire.Frame) bool {
	f.Dir = wire.DirOut
	if f.Port == "" {
		f.Port = r.inner.Info().Port
	}
	v := r.fault.Apply(f.At, f)
	if v.Drop && r.lost != nil {
		f.Fate = v.Fate
		if f.Fate == "" {
			f.Fate = link.FateLost
		}
		r.lost(f)
	}
	return v.Drop
}

// Recv implements [link.Reader]; what arrives passes untouched.
func (r *Reader) Recv(buf []byte) (int, error) { return r.inner.Recv(buf) }

// RecvInfo implements [link.InfoReader].
func (r *Reader) RecvInfo(buf []byte) (link.FrameInfo, error) { return link.RecvInfo(r.inner, buf) }

// RecvBatch implements [link.BatchReader].
func (r *Reader) RecvBatch(bufs [][]byte, infos []link.FrameInfo) (int, error) {
	return link.RecvBatch(r.inner, bufs, infos)
}

// Received implements [link.Observer] by telling the link below.
func (r *Reader) Received(f wire.Frame) { link.Received(r.inner, f) }

// Close closes the link below.
func (r *Reader) Close() error { return r.inner.Close() }

// Unwrap returns the link below.
func (r *Reader) Unwrap() link.Link { return r.inner }
