package pcapng

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/object"
)

// ErrTime says that an instant cannot be stored: it lies before 1970, or
// after 2262.
var ErrTime = errors.New("time out of range")

// Options of a Writer. The zero value is what goldens use.
type Options struct {
	// Application is the section's shb_userappl; "mpstack" if empty.
	Application string
}

// Writer writes one section of Ethernet frames.
type Writer struct {
	w     io.Writer
	ports map[string]uint32 // interface number by port
	buf   []byte            // the blocks of one call, reused
	err   error             // first failure of w; nothing is written after it
}

// NewWriter writes the section header to w and returns the Writer. Nothing is
// ever held back: each call ends with one Write of all it has to say, so there
// is no Flush or Close, and a viewer that reads the other end of a pipe is up
// to date.
func NewWriter(w io.Writer, o Options) (*Writer, error) {
	if o.Application == "" {
		o.Application = "mpstack"
	}
	if len(o.Application) > maxOptionLength {
		return nil, fmt.Errorf("pcapng: application name of %d bytes: %w", len(o.Application), object.ErrTooLong)
	}
	pw := &Writer{w: w, ports: make(map[string]uint32)}
	pw.buf = appendSection(pw.buf, o.Application)
	if err := pw.flush(); err != nil {
		return nil, err
	}
	return pw, nil
}

// WriteFrame writes f at its port, with f.Comment() as its comment.
func (w *Writer) WriteFrame(f wire.Frame) error { return w.Write(f, f.Comment()) }

// Write writes f with a comment of its own; an empty one is left out. The
// port's interface description goes first where the port is new. A frame that
// is refused leaves the capture as it was; when the underlying writer fails,
// that error is returned from then on.
func (w *Writer) Write(f wire.Frame, comment string) error {
	if w.err != nil {
		return w.err
	}
	if err := checkFrame(f, comment); err != nil {
		return err
	}
	id, known := w.ports[f.Port]
	if !known {
		if len(w.ports) >= MaxInterfaces {
			return fmt.Errorf("pcapng: port %q: more than %d interfaces: %w", f.Port, MaxInterfaces, object.ErrTooLong)
		}
		id = uint32(len(w.ports))
		w.ports[f.Port] = id
		w.buf = appendInterface(w.buf, f.Port)
	}
	w.buf = appendEnhanced(w.buf, id, f, comment)
	return w.flush()
}

func checkFrame(f wire.Frame, comment string) error {
	switch {
	case len(f.Data) > MaxPacket:
		return fmt.Errorf("pcapng: frame of %d bytes: %w", len(f.Data), object.ErrTooLong)
	case len(f.Port) > MaxName:
		return fmt.Errorf("pcapng: port name of %d bytes: %w", len(f.Port), object.ErrTooLong)
	case len(comment) > maxOptionLength:
		return fmt.Errorf("pcapng: comment of %d bytes: %w", len(comment), object.ErrTooLong)
	case f.At < 0:
		return fmt.Errorf("pcapng: %v: %w", f.At, ErrTime)
	}
	return nil
}

// flush hands the collected blocks to the underlying writer in one call.
func (w *Writer) flush() error {
	n, err := w.w.Write(w.buf)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	w.buf = w.buf[:0]
	if err != nil {
		w.err = fmt.Errorf("pcapng: %w", err)
	}
	return w.err
}

var le = binary.LittleEndian

// beginBlock appends a block's type and a length that endBlock fills in.
func beginBlock(b []byte, typ uint32) []byte {
	b = le.AppendUint32(b, typ)
	return le.AppendUint32(b, 0)
}

// endBlock finishes the block that starts at b[start:].
func endBlock(b []byte, start int) []byte {
	n := uint32(len(b) - start + 4)
	le.PutUint32(b[start+4:], n)
	return le.AppendUint32(b, n)
}

func appendOption[T string | []byte](b []byte, code uint16, v T) []byte {
	b = le.AppendUint16(b, code)
	b = le.AppendUint16(b, uint16(len(v)))
	return appendPadded(b, v)
}

func appendPadded[T string | []byte](b []byte, v T) []byte {
	b = append(b, v...)
	for range padded(len(v)) - len(v) {
		b = append(b, 0)
	}
	return b
}

func appendEndOfOptions(b []byte) []byte { return append(b, 0, 0, 0, 0) }

func appendSection(b []byte, application string) []byte {
	start := len(b)
	b = beginBlock(b, blockSection)
	b = le.AppendUint32(b, byteOrderMagic)
	b = le.AppendUint16(b, versionMajor)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, sectionUnknown)
	b = appendOption(b, optUserAppl, application)
	b = appendEndOfOptions(b)
	return endBlock(b, start)
}

// tsresol is the interfaces' resolution: 10^-9 s.
const tsresol = 9

func appendInterface(b []byte, port string) []byte {
	start := len(b)
	b = beginBlock(b, blockInterface)
	b = le.AppendUint16(b, LinkTypeEthernet)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, 0) // no snapshot length: frames are whole
	if port != "" {
		b = appendOption(b, optIfName, port)
	}
	b = appendOption(b, optIfTsResol, []byte{tsresol})
	b = appendEndOfOptions(b)
	return endBlock(b, start)
}

func appendEnhanced(b []byte, id uint32, f wire.Frame, comment string) []byte {
	start := len(b)
	b = beginBlock(b, blockEnhanced)
	b = le.AppendUint32(b, id)
	b = appendTime(b, f.At)
	b = le.AppendUint32(b, uint32(len(f.Data)))
	b = le.AppendUint32(b, uint32(len(f.Data)))
	b = appendPadded(b, f.Data)
	flags := directionFlags(f.Dir)
	if flags != 0 {
		b = le.AppendUint16(b, optPacketFlags)
		b = le.AppendUint16(b, 4)
		b = le.AppendUint32(b, flags)
	}
	if comment != "" {
		b = appendOption(b, optComment, comment)
	}
	if flags != 0 || comment != "" {
		b = appendEndOfOptions(b)
	}
	return endBlock(b, start)
}

// appendTime appends t as the high and the low word of 64 bits.
func appendTime(b []byte, t machine.Time) []byte {
	b = le.AppendUint32(b, uint32(uint64(t)>>32))
	return le.AppendUint32(b, uint32(uint64(t)))
}

func directionFlags(d wire.Dir) uint32 {
	switch d {
	case wire.DirIn:
		return flagsInbound
	case wire.DirOut:
		return flagsOutbound
	}
	return 0
}
