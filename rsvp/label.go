package rsvp

import (
	"encoding/binary"
	"fmt"

	"github.com/mpstack/mpstack/wire/object"
)

// Label is the contents of LABEL (class 16), RECOVERY_LABEL (34), UPSTREAM_LABEL
// (35) and SUGGESTED_LABEL (129): an MPLS label, C-Type 1 (RFC 3209 section 4.1),
// a generalized label, 2, or a waveband, 3 (RFC 3473 sections 2.3 and 2.4).
type Label struct {
	CType  uint8
	Value  uint32    // C-Type 1
	Opaque []byte    // C-Type 2: a multiple of 4 bytes; aliases what was parsed
	Band   [3]uint32 // C-Type 3: Waveband Id, Start Label, End Label
}

// String returns the label as its C-Type has it.
func (l Label) String() string {
	switch l.CType {
	case 1:
		return fmt.Sprintf("label %d", l.Value)
	case 3:
		return fmt.Sprintf("waveband %#x from %#x to %#x", l.Band[0], l.Band[1], l.Band[2])
	}
	return fmt.Sprintf("label %x", l.Opaque)
}

// AppendAs appends the label as an object of a class that carries labels.
func (l Label) AppendAs(b []byte, class Class) ([]byte, error) {
	start := len(b)
	b, err := l.appendBody(object.Begin(b, uint8(class), l.CType))
	if err != nil {
		return b[:start], err
	}
	return object.End(b, start)
}

func (l Label) appendBody(b []byte) ([]byte, error) {
	switch {
	case l.CType == 1:
		return binary.BigEndian.AppendUint32(b, l.Value), nil
	case l.CType == 2 && len(l.Opaque) > 0 && len(l.Opaque)%4 == 0:
		return append(b, l.Opaque...), nil
	case l.CType == 3:
		for _, v := range l.Band {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return b, nil
	}
	return b, failf("LABEL", len(b), ErrValue, "%d bytes in C-Type %d", len(l.Opaque), l.CType)
}

// ParseLabel reads an object of a class that carries labels.
func ParseLabel(o object.Object) (Label, error) {
	if err := checkBody(o, ClassLabel, ClassRecoveryLabel, ClassUpstreamLabel, ClassSuggestedLabel); err != nil {
		return Label{}, err
	}
	return labelFrom(o.CType, o.Body), nil
}

// labelFrom reads a body whose length fits.
func labelFrom(ctype uint8, body []byte) Label {
	l := Label{CType: ctype}
	switch ctype {
	case 1:
		l.Value = binary.BigEndian.Uint32(body)
	case 2:
		l.Opaque = body
	case 3:
		for i := range l.Band {
			l.Band[i] = binary.BigEndian.Uint32(body[4*i:])
		}
	}
	return l
}

// checkLabel refuses a generalized label beside a normal one (RFC 3473 section
// 2.3.1).
func checkLabel(m *Message, ctype uint8, _ []byte) *object.DecodeError {
	if m.labels != 0 && (m.labels == 1) != (ctype == 1) {
		return failf("label C-Type", 3-object.HeaderLen, ErrNotAllowed, "%d with C-Type %d", ctype, m.labels)
	}
	m.labels = ctype
	return nil
}

// LabelSet is the contents of LABEL_SET (class 36) and ACCEPTABLE_LABEL_SET
// (130): RFC 3473 sections 2.6 and 4.1.
type LabelSet struct {
	Action      uint8  // 0 includes and 1 excludes a list, 2 includes and 3 excludes a range (RFC 3471 section 3.5)
	LabelType   uint8  // C-Type of LABEL
	Subchannels []byte // labels, as on the wire; aliases what was parsed
}

// AppendAs appends the set as a LABEL_SET or ACCEPTABLE_LABEL_SET.
func (s LabelSet) AppendAs(b []byte, class Class) ([]byte, error) {
	if len(s.Subchannels)%4 != 0 {
		return b, failf("LABEL_SET", len(b), ErrValue, "%d bytes", len(s.Subchannels))
	}
	start := len(b)
	b = append(object.Begin(b, uint8(class), 1), s.Action, 0, 0, s.LabelType)
	return object.End(append(b, s.Subchannels...), start)
}

// ParseLabelSet reads a LABEL_SET or ACCEPTABLE_LABEL_SET object.
func ParseLabelSet(o object.Object) (LabelSet, error) {
	if err := checkBody(o, ClassLabelSet, ClassAcceptableLabelSet); err != nil {
		return LabelSet{}, err
	}
	return LabelSet{Action: o.Body[0], LabelType: o.Body[3], Subchannels: o.Body[4:]}, nil
}

// checkLabelSet refuses actions that are not defined.
func checkLabelSet(_ *Message, _ uint8, body []byte) *object.DecodeError {
	if body[0] > 3 {
		return failf("LABEL_SET Action", 0, ErrValue, "%d", body[0])
	}
	return nil
}

// LabelRequest is the LABEL_REQUEST object: class 19, C-Type 1 without a range,
// 2 for ATM, 3 for Frame Relay (RFC 3209 section 4.2) and 4 for generalized
// labels (RFC 3473 section 2.1). Members of other C-Types are zero.
type LabelRequest struct {
	CType    uint8
	L3PID    uint16 // EtherType of the payload; C-Type 4: G-PID
	Encoding uint8  // C-Type 4: LSP Encoding Type
	Switch   uint8  // C-Type 4: Switching Type

	Merge          bool   // C-Type 2: can merge in the data plane
	MinVPI, MaxVPI uint16 // C-Type 2: 12 bits
	MinVCI, MaxVCI uint16 // C-Type 2

	DLCILen          uint8  // C-Type 3: DLI, 2 bits
	MinDLCI, MaxDLCI uint32 // C-Type 3: 23 bits
}

// AppendTo appends the object. It fails for an unknown C-Type and for values
// that have more bits than their fields.
func (r LabelRequest) AppendTo(b []byte) ([]byte, error) {
	start := len(b)
	be := binary.BigEndian
	b = object.Begin(b, uint8(ClassLabelRequest), r.CType)
	switch {
	case r.CType == 4:
		b = append(b, r.Encoding, r.Switch)
	case r.CType == 0 || r.CType > 4:
		return b[:start], failf("LABEL_REQUEST", start, ErrUnknownCType, "%d", r.CType)
	default:
		b = append(b, 0, 0)
	}
	b = be.AppendUint16(b, r.L3PID)
	switch {
	case r.MinVPI > 0xfff || r.MaxVPI > 0xfff || r.DLCILen > 3 || r.MinDLCI >= 1<<23 || r.MaxDLCI >= 1<<23:
		return b[:start], failf("LABEL_REQUEST", start, ErrValue, "%+v", r)
	case r.CType == 2:
		vpi := r.MinVPI
		if r.Merge {
			vpi |= 0x8000
		}
		b = be.AppendUint16(be.AppendUint16(b, vpi), r.MinVCI)
		b = be.AppendUint16(be.AppendUint16(b, r.MaxVPI), r.MaxVCI)
	case r.CType == 3:
		b = be.AppendUint32(be.AppendUint32(b, uint32(r.DLCILen)<<23|r.MinDLCI), r.MaxDLCI)
	}
	return object.End(b, start)
}

// ParseLabelRequest reads a LABEL_REQUEST object.
func ParseLabelRequest(o object.Object) (LabelRequest, error) {
	if err := checkBody(o, ClassLabelRequest); err != nil {
		return LabelRequest{}, err
	}
	be := binary.BigEndian
	r := LabelRequest{CType: o.CType, L3PID: be.Uint16(o.Body[2:])}
	switch o.CType {
	case 2:
		r.Merge = o.Body[4]&0x80 != 0
		r.MinVPI, r.MinVCI = be.Uint16(o.Body[4:])&0xfff, be.Uint16(o.Body[6:])
		r.MaxVPI, r.MaxVCI = be.Uint16(o.Body[8:])&0xfff, be.Uint16(o.Body[10:])
	case 3:
		w := be.Uint32(o.Body[4:])
		r.DLCILen, r.MinDLCI, r.MaxDLCI = uint8(w>>23&3), w&(1<<23-1), be.Uint32(o.Body[8:])&(1<<23-1)
	case 4:
		r.Encoding, r.Switch = o.Body[0], o.Body[1]
	}
	return r, nil
}
