package rsvp

import (
	"encoding/binary"
	"fmt"

	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/object"
)

// Version is the protocol version (RFC 2205 section 3.1.1).
const Version = 1

// HeaderLen is the length of the common header in bytes.
const HeaderLen = 8

// MaxLen is the greatest length of a message: it must fit one IPv4 datagram
// (RFC 2205 section 3.3).
const MaxLen = 65535 - 20

// MessageType is the Msg Type of the common header (RFC 2205 section 3.1.1).
type MessageType uint8

// Message types.
const (
	Path               MessageType = 1
	Resv               MessageType = 2
	PathErr            MessageType = 3
	ResvErr            MessageType = 4
	PathTear           MessageType = 5
	ResvTear           MessageType = 6
	ResvConf           MessageType = 7
	Diagnostic         MessageType = 8  // DREQ, RFC 2745
	DiagnosticReply    MessageType = 9  // DREP, RFC 2745
	ResvTearConf       MessageType = 10 // no RFC; routers answer a ResvTear with RESV_CONFIRM by it
	Bundle             MessageType = 12 // RFC 2961
	Ack                MessageType = 13 // RFC 2961
	Srefresh           MessageType = 15 // RFC 2961
	Hello              MessageType = 20 // RFC 3209
	Notify             MessageType = 21 // RFC 3473
	IntegrityChallenge MessageType = 25 // RFC 2747, RFC 3097
	IntegrityResponse  MessageType = 26 // RFC 2747, RFC 3097
)

// MessageInfo describes a message type.
type MessageInfo struct {
	Name string
	RFC  string
}

// Messages is the registry of message types, indexed by Msg Type. It is not to
// be changed. Types without a name are unknown.
var Messages = [32]MessageInfo{
	Path:               {"Path", "RFC 2205 section 3.1.3"},
	Resv:               {"Resv", "RFC 2205 section 3.1.4"},
	PathErr:            {"PathErr", "RFC 2205 section 3.1.7"},
	ResvErr:            {"ResvErr", "RFC 2205 section 3.1.8"},
	PathTear:           {"PathTear", "RFC 2205 section 3.1.5"},
	ResvTear:           {"ResvTear", "RFC 2205 section 3.1.6"},
	ResvConf:           {"ResvConf", "RFC 2205 section 3.1.9"},
	Diagnostic:         {"Diagnostic", "RFC 2745 section 3"},
	DiagnosticReply:    {"DiagnosticReply", "RFC 2745 section 3"},
	ResvTearConf:       {"ResvTearConf", "none; seen in the field"},
	Bundle:             {"Bundle", "RFC 2961 section 3"},
	Ack:                {"Ack", "RFC 2961 section 4.4"},
	Srefresh:           {"Srefresh", "RFC 2961 section 5.2"},
	Hello:              {"Hello", "RFC 3209 section 5.1"},
	Notify:             {"Notify", "RFC 3473 section 4.3"},
	IntegrityChallenge: {"IntegrityChallenge", "RFC 2747 section 4.3, RFC 3097"},
	IntegrityResponse:  {"IntegrityResponse", "RFC 2747 section 4.3, RFC 3097"},
}

// String returns the type's name.
func (t MessageType) String() string {
	if t.Typed() {
		return Messages[t].Name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Typed reports whether Message holds the contents of messages of type t.
func (t MessageType) Typed() bool { return int(t) < len(Messages) && Messages[t].Name != "" }

// RouterAlert reports whether messages of type t are sent with the IP Router
// Alert option (RFC 2205 section 3.3).
func (t MessageType) RouterAlert() bool { return t == Path || t == PathTear || t == ResvConf }

// RefreshReduction is the flag of the common header by which a node says that it
// is willing and able to receive all that RFC 2961 describes (its section 2).
const RefreshReduction uint8 = 0x01

// Header is the common header (RFC 2205 section 3.1.1).
type Header struct {
	Flags    uint8 // 4 bits: RefreshReduction
	Type     MessageType
	Checksum uint16 // as received; 0 says that none was sent
	SendTTL  uint8  // IP TTL with which the message was sent
	Length   int    // of the whole message in bytes
}

// ParseHeader checks version, length and checksum of the message that fills b
// and returns its header and objects, which alias b.
func ParseHeader(b []byte) (h Header, objects []byte, err error) {
	if len(b) < HeaderLen {
		return Header{}, nil, failf("header", 0, object.ErrTruncated, "%d bytes", len(b))
	}
	h = Header{
		Flags: b[0] & 0x0f, Type: MessageType(b[1]), Checksum: binary.BigEndian.Uint16(b[2:]),
		SendTTL: b[4], Length: int(binary.BigEndian.Uint16(b[6:])),
	}
	switch {
	case b[0]>>4 != Version:
		return h, nil, failf("Vers", 0, ErrVersion, "%d", b[0]>>4)
	case h.Length != len(b) || h.Length < HeaderLen || h.Length%4 != 0:
		return h, nil, failf("RSVP Length", 6, object.ErrLength, "%d in a datagram of %d bytes", h.Length, len(b))
	case h.Checksum != 0 && inet.Checksum(b, 0) != 0:
		return h, nil, failf("RSVP Checksum", 2, ErrChecksum, "%#04x", h.Checksum)
	}
	return h, b[HeaderLen:], nil
}
