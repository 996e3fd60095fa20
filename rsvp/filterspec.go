package rsvp

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// FilterKind is what a FILTER_SPEC or SENDER_TEMPLATE has beside the sender's
// address.
type FilterKind uint8

// Kinds of filters.
const (
	FilterPort      FilterKind = iota // source port (RFC 2205)
	FilterLabel                       // IPv6 flow label (RFC 2205)
	FilterGPI                         // generalized port identifier: IPsec's SPI (RFC 2207)
	FilterTunnel                      // LSP ID (RFC 3209)
	FilterAggregate                   // nothing: the aggregator (RFC 3175)
)

// FilterSpec is the FILTER_SPEC object (class 10) and, in the same form, the
// SENDER_TEMPLATE (class 11) of RFC 2205 A.9 and A.10, and of the RFCs at
// FilterKind. It is comparable.
type FilterSpec struct {
	Src  netip.Addr // the sender
	Port uint16     // FilterPort: source port, 0 is none; FilterTunnel: LSP ID
	Kind FilterKind
	ID   uint32 // FilterLabel: flow label, 24 bits on the wire; FilterGPI: GPI
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

// Compare orders filters by address, port, kind and the rest.
func (f FilterSpec) Compare(g FilterSpec) int {
	return cmp.Or(f.Src.Compare(g.Src), cmp.Compare(f.Port, g.Port), cmp.Compare(f.ID, g.ID), cmp.Compare(f.Kind, g.Kind))
}

// String returns "address:port"; filters of other kinds say what they have.
func (f FilterSpec) String() string {
	switch f.Kind {
	case FilterLabel:
		return fmt.Sprintf("%v label %#x", f.Src, f.ID)
	case FilterGPI:
		return fmt.Sprintf("%v GPI %#x", f.Src, f.ID)
	case FilterTunnel:
		return fmt.Sprintf("%v LSP %d", f.Src, f.Port)
	case FilterAggregate:
		return fmt.Sprintf("%v aggregate", f.Src)
	}
	return f.AddrPort().String()
}

// filterCTypes gives each kind's C-Types for IPv4 and IPv6; 0 is none.
var filterCTypes = [...][2]uint8{FilterPort: {1, 2}, FilterLabel: {0, 3}, FilterGPI: {4, 5}, FilterTunnel: {7, 8}, FilterAggregate: {9, 10}}

// CType returns the C-Type in which f is sent; 0 if there is none.
func (f FilterSpec) CType() uint8 {
	switch {
	case int(f.Kind) >= len(filterCTypes):
		return 0
	case f.Src.Is4():
		return filterCTypes[f.Kind][0]
	}
	return filterCTypes[f.Kind][1]
}

// WireLen returns the length of the object.
func (f FilterSpec) WireLen() int {
	if f.Kind == FilterAggregate {
		return object.HeaderLen + addrLen(f.Src)
	}
	return object.HeaderLen + addrLen(f.Src) + 4
}

// AppendTo appends f as a FILTER_SPEC.
func (f FilterSpec) AppendTo(b []byte) ([]byte, error) { return f.appendAs(b, ClassFilterSpec) }

// AppendTemplate appends f as a SENDER_TEMPLATE.
func (f FilterSpec) AppendTemplate(b []byte) ([]byte, error) {
	return f.appendAs(b, ClassSenderTemplate)
}

func (f FilterSpec) appendAs(b []byte, class Class) ([]byte, error) {
	ctype := f.CType()
	if !f.Src.IsValid() || ctype == 0 || f.Kind == FilterLabel && f.ID > 0xffffff {
		return b, failf("filter", len(b), ErrValue, "%v", f)
	}
	start := len(b)
	b = appendAddr(object.Begin(b, uint8(class), ctype), f.Src)
	switch f.Kind {
	case FilterLabel, FilterGPI:
		b = binary.BigEndian.AppendUint32(b, f.ID)
	case FilterPort, FilterTunnel:
		b = binary.BigEndian.AppendUint16(append(b, 0, 0), f.Port)
	}
	return object.End(b, start)
}

// filterForms is the opposite of filterCTypes.
var filterForms = [...]struct {
	kind FilterKind
	v6   bool
}{
	1: {FilterPort, false}, 2: {FilterPort, true}, 3: {FilterLabel, true}, 4: {FilterGPI, false}, 5: {FilterGPI, true},
	7: {FilterTunnel, false}, 8: {FilterTunnel, true}, 9: {FilterAggregate, false}, 10: {FilterAggregate, true},
}

// filterFrom reads a body whose length fits the C-Type.
func filterFrom(ctype uint8, body []byte, name string) (FilterSpec, *object.DecodeError) {
	form := filterForms[ctype]
	a, rest := splitAddr(body, form.v6)
	f := FilterSpec{Src: a, Kind: form.kind}
	switch f.Kind {
	case FilterLabel:
		f.ID = binary.BigEndian.Uint32(rest) & 0xffffff
	case FilterGPI:
		f.ID = binary.BigEndian.Uint32(rest)
	case FilterPort, FilterTunnel:
		f.Port = binary.BigEndian.Uint16(rest[2:])
	}
	if a.IsUnspecified() {
		return f, failf(name, 0, ErrValue, "SrcAddress %v", a)
	}
	return f, nil
}

func parseSenderTemplate(m *Message, ctype uint8, body []byte) (err *object.DecodeError) {
	m.Sender, err = filterFrom(ctype, body, "SENDER_TEMPLATE")
	return err
}

func parseFilterSpec(m *Message, ctype uint8, body []byte) *object.DecodeError {
	f, err := filterFrom(ctype, body, "FILTER_SPEC")
	if err != nil {
		return err
	}
	return m.addFilter(f)
}
