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

// Message types. Those without a comment are RFC 2205's and have typed
// contents here; of the others only the names are known.
const (
	Path               MessageType = 1
	Resv               MessageType = 2
	PathErr            MessageType = 3
	ResvErr            MessageType = 4
	PathTear           MessageType = 5
	ResvTear           MessageType = 6
	ResvConf           MessageType = 7
	Diagnostic         MessageType = 8  // RFC 2745
	DiagnosticReply    MessageType = 9  // RFC 2745
	ResvTearConf       MessageType = 10 // seen in the field
	Bundle             MessageType = 12 // RFC 2961
	Ack                MessageType = 13 // RFC 2961
	Srefresh           MessageType = 15 // RFC 2961
	Hello              MessageType = 20 // RFC 3209
	IntegrityChallenge MessageType = 25 // RFC 2747
	IntegrityResponse  MessageType = 26 // RFC 2747
)

var typeNames = [...]string{
	Path: "Path", Resv: "Resv", PathErr: "PathErr", ResvErr: "ResvErr", PathTear: "PathTear", ResvTear: "ResvTear",
	ResvConf: "ResvConf", Diagnostic: "Diagnostic", DiagnosticReply: "DiagnosticReply", ResvTearConf: "ResvTearConf",
	Bundle: "Bundle", Ack: "Ack", Srefresh: "Srefresh", Hello: "Hello",
	IntegrityChallenge: "IntegrityChallenge", IntegrityResponse: "IntegrityResponse",
}

// String returns the type's name.
func (t MessageType) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Typed reports whether Message holds the contents of messages of type t.
func (t MessageType) Typed() bool { return t >= Path && t <= ResvConf }

// RouterAlert reports whether messages of type t are sent with the IP Router
// Alert option (RFC 2205 section 3.3).
func (t MessageType) RouterAlert() bool { return t == Path || t == PathTear || t == ResvConf }

// Header is the common header (RFC 2205 section 3.1.1).
type Header struct {
	Flags    uint8 // 4 bits; none is defined by RFC 2205
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
