package capture

import (
	"fmt"
	"io"

	"github.com/mpstack/mpstack/capture/pcapng"
	"github.com/mpstack/mpstack/wire"
)

// Writer writes a capture as pcapng. Each frame is handed on by one Write as it
// comes: there is nothing to flush or close.
type Writer struct{ w *pcapng.Writer }

// NewWriter writes the head of a capture to w and returns the Writer.
func NewWriter(w io.Writer) (*Writer, error) {
	pw, err := pcapng.NewWriter(w, pcapng.Options{})
	if err != nil {
		return nil, err
	}
	return &Writer{pw}, nil
}

// WriteFrame writes a frame with its cause and fate as the comment.
func (w *Writer) WriteFrame(f wire.Frame) error { return w.w.WriteFrame(f) }

// WriteRecord writes a frame that was read, with the comment it had. Frames of
// other link types than Ethernet, and frames that were cut, are refused.
func (w *Writer) WriteRecord(r Record) error {
	if r.LinkType != LinkTypeEthernet {
		return fmt.Errorf("capture: frame %d of link type %d: %w", r.Number, r.LinkType, ErrLinkType)
	}
	if r.Truncated() {
		return fmt.Errorf("capture: frame %d: %d of %d bytes: %w", r.Number, len(r.Data), r.OrigLen, ErrCut)
	}
	return w.w.Write(r.Frame, r.Comment)
}
