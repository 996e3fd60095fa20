package rsvp

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// FilterSpec is the FILTER_SPEC object (class 10) and, in the same form, the
// SENDER_TEMPLATE (class 11): C-Type 1 for IPv4, 2 for IPv6, 3 for IPv6 with a
// flow label in place of the port (RFC 2205 A.9, A.10). It is comparable.
type FilterSpec struct {
	Src     netip.Addr // the sender
	Port    uint16     // UDP or TCP source port; 0 is none
	Labeled bool       // C-Type 3: Label counts, Port is zero
	Label   uint32     // IPv6 flow label, 24 bits on the wire
}

// SenderTemplate describes a sender's packets.
type SenderTemplate = FilterSpec

// NewFilterSpec returns the filter for packets from an address and port.
func NewFilterSpec(src netip.AddrPort) FilterSpec {
	return FilterSpec{Src: src.Addr(), Port: src.Port()}
}

// AddrPort returns the sender's address and port.
func (f FilterSpec) AddrPort() netip.AddrPort { return netip.AddrPortFrom(f.Src, f.Port) }

// IsValid reports whether f names a sender.
func (f FilterSpec) IsValid() bool { return f.Src.IsValid() }

// Compare orders filters by address, port and label.
func (f FilterSpec) Compare(g FilterSpec) int {
	return cmp.Or(f.Src.Compare(g.Src), cmp.Compare(f.Port, g.Port), cmp.Compare(f.Label, g.Label), cmp.Compare(f.CType(), g.CType()))
}

// String returns "address:port", or "address label N".
func (f FilterSpec) String() string {
	if f.Labeled {
		return fmt.Sprintf("%v label %#x", f.Src, f.Label)
	}
	return f.AddrPort().String()
}

// CType returns the C-Type in which f is sent.
func (f FilterSpec) CType() uint8 {
	if f.Labeled {
		return 3
	}
	return addrCType(f.Src)
}

// WireLen returns the length of the object.
func (f FilterSpec) WireLen() int { return object.HeaderLen + addrLen(f.Src) + 4 }

// AppendTo appends f as a FILTER_SPEC.
func (f FilterSpec) AppendTo(b []byte) ([]byte, error) { return f.appendAs(b, ClassFilterSpec) }

// AppendTemplate appends f as a SENDER_TEMPLATE.
func (f FilterSpec) AppendTemplate(b []byte) ([]byte, error) {
	return f.appendAs(b, ClassSenderTemplate)
}

func (f FilterSpec) appendAs(b []byte, class Class) ([]byte, error) {
	if !f.Src.IsValid() || f.Labeled && (f.Src.Is4() || f.Label > 0xffffff) {
		return b, failf("filter", len(b), ErrValue, "%v", f)
	}
	start := len(b)
	b = appendAddr(object.Begin(b, uint8(class), f.CType()), f.Src)
	if f.Labeled {
		b = binary.BigEndian.AppendUint32(b, f.Label)
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0, 0), f.Port)
	}
	return object.End(b, start)
}

func filterFrom(body []byte, labeled bool, name string) (FilterSpec, *object.DecodeError) {
	a, rest := takeAddr(body, 4)
	f := FilterSpec{Src: a, Labeled: labeled}
	if labeled {
		f.Label = binary.BigEndian.Uint32(rest) & 0xffffff
	} else {
		f.Port = binary.BigEndian.Uint16(rest[2:])
	}
	if a.IsUnspecified() {
		return f, failf(name, 0, ErrValue, "SrcAddress %v", a)
	}
	return f, nil
}

func parseSenderTemplate(m *Message, body []byte) (err *object.DecodeError) {
	m.Sender, err = filterFrom(body, false, "SENDER_TEMPLATE")
	return err
}

func parseSenderLabel(m *Message, body []byte) (err *object.DecodeError) {
	m.Sender, err = filterFrom(body, true, "SENDER_TEMPLATE")
	return err
}

func parseFilterSpec(m *Message, body []byte) *object.DecodeError {
	f, err := filterFrom(body, false, "FILTER_SPEC")
	if err != nil {
		return err
	}
	return m.addFilter(f)
}

func parseFilterLabel(m *Message, body []byte) *object.DecodeError {
	f, err := filterFrom(body, true, "FILTER_SPEC")
	if err != nil {
		return err
	}
	return m.addFilter(f)
}
