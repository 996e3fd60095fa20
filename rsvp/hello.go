package rsvp

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/wire/object"
)

// HelloObject is the HELLO object: class 22, C-Type 1, or with Ack C-Type 2 (RFC
// 3209 section 5.2).
type HelloObject struct {
	Ack bool
	Src uint32 // Src_Instance; not 0
	Dst uint32 // Dst_Instance: the neighbor's; 0 where it was never seen
}

// String returns the kind and both instances.
func (h HelloObject) String() string {
	kind := "request"
	if h.Ack {
		kind = "ack"
	}
	return fmt.Sprintf("%s src %#x dst %#x", kind, h.Src, h.Dst)
}

// WireLen returns the length of the object.
func (h HelloObject) WireLen() int { return object.HeaderLen + 8 }

// AppendTo appends the object. It fails for a Src_Instance of 0.
func (h HelloObject) AppendTo(b []byte) ([]byte, error) {
	if h.Src == 0 {
		return b, failf("HELLO", len(b), ErrValue, "Src_Instance 0")
	}
	ctype := uint8(1)
	if h.Ack {
		ctype = 2
	}
	b = append(b, 0, 12, uint8(ClassHello), ctype)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, h.Src), h.Dst), nil
}

func parseHello(m *Message, ctype uint8, body []byte) *object.DecodeError {
	m.Hello = HelloObject{Ack: ctype == 2, Src: binary.BigEndian.Uint32(body), Dst: binary.BigEndian.Uint32(body[4:])}
	if m.Hello.Src == 0 {
		return failf("HELLO", 0, ErrValue, "Src_Instance 0")
	}
	return nil
}

// RestartCap is the RESTART_CAP object: class 131, C-Type 1 (RFC 3473 section
// 9.1). Times are milliseconds.
type RestartCap struct{ RestartMS, RecoveryMS uint32 }

// AppendTo appends the object.
func (r RestartCap) AppendTo(b []byte) ([]byte, error) {
	b = append(b, 0, 12, uint8(ClassRestartCap), 1)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, r.RestartMS), r.RecoveryMS), nil
}

// ParseRestartCap reads a RESTART_CAP object.
func ParseRestartCap(o object.Object) (RestartCap, error) {
	if err := checkBody(o, ClassRestartCap); err != nil {
		return RestartCap{}, err
	}
	return RestartCap{binary.BigEndian.Uint32(o.Body), binary.BigEndian.Uint32(o.Body[4:])}, nil
}

// AppendNotifyRequest appends a NOTIFY_REQUEST object: class 195, C-Type 1 or 2,
// with the address of the node that is to be told (RFC 3473 section 4.2).
func AppendNotifyRequest(b []byte, node netip.Addr) ([]byte, error) {
	if !node.IsValid() {
		return b, fail("NOTIFY_REQUEST", len(b), ErrValue)
	}
	start := len(b)
	return object.End(appendAddr(beginAddr(b, ClassNotifyRequest, node), node), start)
}

// ParseNotifyRequest reads a NOTIFY_REQUEST object.
func ParseNotifyRequest(o object.Object) (netip.Addr, error) {
	if err := checkBody(o, ClassNotifyRequest); err != nil {
		return netip.Addr{}, err
	}
	a, _ := splitAddr(o.Body, o.CType == 2)
	return a, nil
}

// AdminStatus is the ADMIN_STATUS object: class 196, C-Type 1 (RFC 3473 section
// 7.1).
type AdminStatus uint32

// Flags of AdminStatus (RFC 3471 section 8.1).
const (
	AdminReflect  AdminStatus = 1 << 31
	AdminTesting  AdminStatus = 1 << 2
	AdminDown     AdminStatus = 1 << 1
	AdminDeletion AdminStatus = 1 << 0
)

// AppendTo appends the object.
func (a AdminStatus) AppendTo(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint32(append(b, 0, 8, uint8(ClassAdminStatus), 1), uint32(a)), nil
}

// ParseAdminStatus reads an ADMIN_STATUS object.
func ParseAdminStatus(o object.Object) (AdminStatus, error) {
	if err := checkBody(o, ClassAdminStatus); err != nil {
		return 0, err
	}
	return AdminStatus(binary.BigEndian.Uint32(o.Body)), nil
}

// Protection is the PROTECTION object: class 37, C-Type 1 (RFC 3473 section 6).
type Protection struct {
	Secondary bool  // the LSP is secondary
	Links     uint8 // 6 bits: the link protection that is wanted (RFC 3471 section 7.1)
}

// AppendTo appends the object. It fails for more than 6 bits of Links.
func (p Protection) AppendTo(b []byte) ([]byte, error) {
	if p.Links > 0x3f {
		return b, failf("PROTECTION", len(b), ErrValue, "link flags %#x", p.Links)
	}
	w := uint32(p.Links)
	if p.Secondary {
		w |= 1 << 31
	}
	return binary.BigEndian.AppendUint32(append(b, 0, 8, uint8(ClassProtection), 1), w), nil
}

// ParseProtection reads a PROTECTION object.
func ParseProtection(o object.Object) (Protection, error) {
	if err := checkBody(o, ClassProtection); err != nil {
		return Protection{}, err
	}
	w := binary.BigEndian.Uint32(o.Body)
	return Protection{Secondary: w>>31 == 1, Links: uint8(w & 0x3f)}, nil
}

// checkNothing is for objects whose every body of the right length is good.
func checkNothing(*Message, uint8, []byte) *object.DecodeError { return nil }
