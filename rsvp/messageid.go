package rsvp

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// MaxEpoch is the greatest epoch: 24 bits (RFC 2961 section 4.2).
const MaxEpoch = 1<<24 - 1

// AckDesired asks for a MESSAGE_ID_ACK (RFC 2961 section 4.2).
const AckDesired uint8 = 0x01

// MessageID is the MESSAGE_ID object: class 23, C-Type 1 (RFC 2961 section 4.2).
type MessageID struct {
	Flags uint8  // AckDesired
	Epoch uint32 // 24 bits; when the sequence of identifiers was reset
	ID    uint32 // Message_Identifier
}

// Before reports whether m's identifier is less than n's, across the wrap (RFC
// 2961 section 4.5).
func (m MessageID) Before(n MessageID) bool { return int32(n.ID-m.ID) > 0 }

// String returns "epoch/identifier".
func (m MessageID) String() string { return fmt.Sprintf("%06x/%d", m.Epoch, m.ID) }

// WireLen returns the length of the object.
func (m MessageID) WireLen() int { return object.HeaderLen + 8 }

// AppendTo appends the object. It fails for an epoch above MaxEpoch.
func (m MessageID) AppendTo(b []byte) ([]byte, error) {
	return appendID(b, ClassMessageID, 1, m.Flags, m.Epoch, m.ID)
}

func appendID(b []byte, class Class, ctype, flags uint8, epoch, id uint32) ([]byte, error) {
	if epoch > MaxEpoch {
		return b, failf("Epoch", len(b), ErrValue, "%#x", epoch)
	}
	b = append(b, 0, 12, uint8(class), ctype)
	b = binary.BigEndian.AppendUint32(b, uint32(flags)<<24|epoch)
	return binary.BigEndian.AppendUint32(b, id), nil
}

func idFrom(body []byte) MessageID {
	w := binary.BigEndian.Uint32(body)
	return MessageID{Flags: uint8(w >> 24), Epoch: w & MaxEpoch, ID: binary.BigEndian.Uint32(body[4:])}
}

func parseMessageID(m *Message, _ uint8, body []byte) *object.DecodeError {
	m.MessageID, m.HasMessageID = idFrom(body), true
	return nil
}

// MessageAck is the MESSAGE_ID_ACK object, class 24, C-Type 1, or with Nack the
// MESSAGE_ID_NACK, C-Type 2 (RFC 2961 section 4.3).
type MessageAck struct {
	Nack  bool
	Flags uint8 // none is defined
	Epoch uint32
	ID    uint32
}

// String returns "ack epoch/identifier" or "nack …".
func (a MessageAck) String() string {
	if a.Nack {
		return fmt.Sprintf("nack %06x/%d", a.Epoch, a.ID)
	}
	return fmt.Sprintf("ack %06x/%d", a.Epoch, a.ID)
}

// WireLen returns the length of the object.
func (a MessageAck) WireLen() int { return object.HeaderLen + 8 }

// AppendTo appends the object. It fails for an epoch above MaxEpoch.
func (a MessageAck) AppendTo(b []byte) ([]byte, error) {
	ctype := uint8(1)
	if a.Nack {
		ctype = 2
	}
	return appendID(b, ClassMessageIDAck, ctype, a.Flags, a.Epoch, a.ID)
}

func parseMessageIDAck(m *Message, ctype uint8, body []byte) *object.DecodeError {
	id := idFrom(body)
	m.Acks = append(m.Acks, MessageAck{Nack: ctype == 2, Flags: id.Flags, Epoch: id.Epoch, ID: id.ID})
	return nil
}

// IDEntry is one element of a MESSAGE_ID_LIST.
type IDEntry struct {
	ID  uint32
	Src netip.Addr // sender of the path state: SRC_LIST and MCAST_LIST
	Dst netip.Addr // session's group: MCAST_LIST
}

// IDList is a MESSAGE_ID_LIST object: class 25 (RFC 2961 section 5.1). C-Type 1
// is the LIST, 2 and 3 are SRC_LIST for IPv4 and IPv6, 4 and 5 MCAST_LIST.
type IDList struct {
	CType   uint8
	Flags   uint8 // none is defined
	Epoch   uint32
	Entries []byte // as on the wire; aliases what was decoded
}

// idEntrySize is the length of an entry by C-Type.
var idEntrySize = [...]int{1: 4, 2: 8, 3: 20, 4: 12, 5: 36}

// Len returns how many entries the list has.
func (l IDList) Len() int {
	if l.CType == 0 || int(l.CType) >= len(idEntrySize) {
		return 0
	}
	return len(l.Entries) / idEntrySize[l.CType]
}

// All returns the entries in order.
func (l IDList) All() iter.Seq[IDEntry] {
	return func(yield func(IDEntry) bool) {
		for i := range l.Len() {
			if !yield(l.At(i)) {
				return
			}
		}
	}
}

// At returns entry i, which must be below Len.
func (l IDList) At(i int) IDEntry {
	size := idEntrySize[l.CType]
	b := l.Entries[i*size : (i+1)*size]
	e := IDEntry{ID: binary.BigEndian.Uint32(b)}
	if b = b[4:]; l.CType > 1 {
		e.Src, b = splitAddr(b, l.CType%2 == 1)
	}
	if l.CType > 3 {
		e.Dst, _ = splitAddr(b, l.CType == 5)
	}
	return e
}

// Append adds an entry. It fails if the entry's addresses are not those that
// the C-Type has.
func (l *IDList) Append(e IDEntry) error {
	v6 := l.CType == 3 || l.CType == 5
	fits := func(a netip.Addr, there bool) bool { return a.IsValid() == there && (!there || a.Is4() != v6) }
	if l.CType == 0 || l.CType > 5 || !fits(e.Src, l.CType > 1) || !fits(e.Dst, l.CType > 3) {
		return failf("MESSAGE_ID_LIST", len(l.Entries), ErrValue, "%+v in C-Type %d", e, l.CType)
	}
	l.Entries = binary.BigEndian.AppendUint32(l.Entries, e.ID)
	if e.Src.IsValid() {
		l.Entries = appendAddr(l.Entries, e.Src)
	}
	if e.Dst.IsValid() {
		l.Entries = appendAddr(l.Entries, e.Dst)
	}
	return nil
}

// WireLen returns the length of the object.
func (l IDList) WireLen() int { return object.HeaderLen + 4 + len(l.Entries) }

// AppendTo appends the object. It fails without whole entries or for an epoch
// above MaxEpoch.
func (l IDList) AppendTo(b []byte) ([]byte, error) {
	if n := l.Len(); n == 0 || n*idEntrySize[l.CType] != len(l.Entries) || l.Epoch > MaxEpoch {
		return b, failf("MESSAGE_ID_LIST", len(b), ErrValue, "C-Type %d, epoch %#x, %d bytes", l.CType, l.Epoch, len(l.Entries))
	}
	start := len(b)
	b = object.Begin(b, uint8(ClassMessageIDList), l.CType)
	b = binary.BigEndian.AppendUint32(b, uint32(l.Flags)<<24|l.Epoch)
	return object.End(append(b, l.Entries...), start)
}

// parseIDList takes a list. SRC_LIST does not go with the other lists in one
// message (RFC 2961 section 5.2).
func parseIDList(m *Message, ctype uint8, body []byte) *object.DecodeError {
	source := func(c uint8) bool { return c == 2 || c == 3 }
	if len(m.IDLists) > 0 && source(m.IDLists[0].CType) != source(ctype) {
		return failf("MESSAGE_ID_LIST", -object.HeaderLen, ErrNotAllowed, "C-Type %d with C-Type %d", ctype, m.IDLists[0].CType)
	}
	w := binary.BigEndian.Uint32(body)
	m.IDLists = append(m.IDLists, IDList{CType: ctype, Flags: uint8(w >> 24), Epoch: w & MaxEpoch, Entries: body[4:]})
	return nil
}
