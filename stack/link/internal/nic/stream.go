package nic

import (
	"io"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
)

// Stream is a link over a descriptor that takes and gives one frame a call and
// cuts what does not fit. Its methods may be called from several goroutines.
type Stream struct {
	*Port
	frames io.ReadWriteCloser
}

// NewStream returns a link whose errors begin with kind.
func NewStream(kind string, info link.Info, frames io.ReadWriteCloser) *Stream {
	return &Stream{Port: NewPort(kind, info), frames: frames}
}

// Send sends one frame as link.Link asks.
func (s *Stream) Send(f wire.Frame) error {
	err := s.Fits(f.Data)
	if err == nil {
		_, err = s.frames.Write(f.Data)
	}
	if err != nil {
		return s.Sending(err)
	}
	s.Sent(1)
	return nil
}

// Recv receives one frame as link.Reader asks.
func (s *Stream) Recv(buf []byte) (int, error) {
	// One byte more than allowed tells what was cut.
	read := buf
	if limit := s.Limit(); len(buf) > limit {
		read = buf[:limit+1]
	} else {
		read = make([]byte, limit+1)
	}
	for {
		n, err := s.frames.Read(read)
		switch {
		case s.Closed():
			return 0, s.Receiving(err)
		case Passing(err):
			continue
		case err != nil:
			return 0, s.Receiving(err)
		case s.Take(read[:n], n, len(buf)):
			return copy(buf, read[:n]), nil
		}
	}
}

// Close closes the descriptor, which ends a Recv that is under way. A second
// Close does nothing.
func (s *Stream) Close() error {
	if !s.Port.Close() {
		return nil
	}
	return s.frames.Close()
}
