package rsvp

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/mpstack/mpstack/wire/object"
)

// SubMessages returns the messages in the body of a Bundle, in order, each whole
// with its header. It ends where the framing does; Decode has checked that of a
// Bundle. A sub-message that was received is processed with the Send_TTL of the
// Bundle (RFC 2961 section 3.4).
func SubMessages(bundled []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(bundled) >= HeaderLen {
			n := int(binary.BigEndian.Uint16(bundled[6:]))
			if n < HeaderLen || n > len(bundled) || !yield(bundled[:n:n]) {
				return
			}
			bundled = bundled[n:]
		}
	}
}

// checkBundle checks the framing of the sub-messages in b, of which there must
// be one; a Bundle is none (RFC 2961 section 3.2). Their contents are for who
// decodes them.
func checkBundle(b []byte, off int) error {
	if len(b) == 0 {
		return fail("sub-message", off, ErrMissing)
	}
	for len(b) > 0 {
		if len(b) < HeaderLen {
			return failf("sub-message header", off, object.ErrTruncated, "%d bytes", len(b))
		}
		n := int(binary.BigEndian.Uint16(b[6:]))
		switch {
		case b[0]>>4 != Version:
			return failf("sub-message Vers", off, ErrVersion, "%d", b[0]>>4)
		case n < HeaderLen || n%4 != 0 || n > len(b):
			return failf("sub-message RSVP Length", off+6, object.ErrLength, "%d, %d bytes left", n, len(b))
		case MessageType(b[1]) == Bundle:
			return failf("sub-message Msg Type", off+1, ErrNotAllowed, "Bundle in a Bundle")
		}
		off, b = off+n, b[n:]
	}
	return nil
}

// appendBundle appends a Bundle with the sub-messages in m.Bundled.
func (m *Message) appendBundle(b []byte) ([]byte, error) {
	if err := checkBundle(m.Bundled, 0); err != nil {
		return b, fmt.Errorf("rsvp: Bundle: %w", err)
	}
	e := encoder{b: append(m.begin(b), m.Bundled...), start: len(b)}
	return m.end(&e)
}
