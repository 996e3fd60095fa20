// Package tee shows the frames of a link to a function, as a capture needs
// them.
//
// Sent frames are shown before they are handed to the medium, so that a frame
// always precedes its answer. Received frames are shown when the driver, which
// alone has a clock, stamps them: it calls [link.Received] after Recv and before
// it handles the frame.
//
// The function is called by whoever sends and by whoever reads: where those are
// several goroutines, it must allow that. It must not keep the frame's bytes.
//
// What is not here: a clock, buffering, filtering.
package tee

import (
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
)

// Link shows what is sent on a link.
type Link struct {
	inner link.Link
	see   func(wire.Frame)
}

var (
	_ link.BatchLink = (*Link)(nil)
	_ link.Observer  = (*Link)(nil)
)

// New wraps inner. Every frame goes to see with Port filled in where it is
// empty, and Dir out or in.
func New(inner link.Link, see func(wire.Frame)) *Link {
	return &Link{inner: inner, see: see}
}

// Info implements [link.Link].
func (l *Link) Info() link.Info { return l.inner.Info() }

// Send shows f, then hands it on.
func (l *Link) Send(f wire.Frame) error {
	l.show(f, wire.DirOut)
	return l.inner.Send(f)
}

// SendBatch shows all the frames, then hands them on, so that they are shown in
// the order in which they are sent.
func (l *Link) SendBatch(frames []wire.Frame) (int, error) {
	for _, f := range frames {
		l.show(f, wire.DirOut)
	}
	return link.SendBatch(l.inner, frames)
}

// Received shows a frame that was read, then tells the link below.
func (l *Link) Received(f wire.Frame) {
	l.show(f, wire.DirIn)
	link.Received(l.inner, f)
}

func (l *Link) show(f wire.Frame, dir wire.Dir) {
	f.Dir = dir
	if f.Port == "" {
		f.Port = l.inner.Info().Port
	}
	l.see(f)
}

// Close closes the link below.
func (l *Link) Close() error { return l.inner.Close() }

// Unwrap returns the link below.
func (l *Link) Unwrap() link.Link { return l.inner }

// Reader is a Link around a link that is read.
type Reader struct {
	Link
	reader link.Reader
}

var (
	_ link.InfoReader  = (*Reader)(nil)
	_ link.BatchReader = (*Reader)(nil)
)

// NewReader wraps inner as New does.
func NewReader(inner link.Reader, see func(wire.Frame)) *Reader {
	return &Reader{Link: Link{inner: inner, see: see}, reader: inner}
}

// Recv implements [link.Reader]. It shows nothing: see Received.
func (r *Reader) Recv(buf []byte) (int, error) { return r.reader.Recv(buf) }

// RecvInfo implements [link.InfoReader].
func (r *Reader) RecvInfo(buf []byte) (link.FrameInfo, error) { return link.RecvInfo(r.reader, buf) }

// RecvBatch implements [link.BatchReader].
func (r *Reader) RecvBatch(bufs [][]byte, infos []link.FrameInfo) (int, error) {
	return link.RecvBatch(r.reader, bufs, infos)
}
