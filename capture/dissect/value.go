package dissect

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"

	"github.com/mpstack/mpstack/wire/inet"
)

// Kind says what a Value is.
type Kind uint8

// Kinds of values.
const (
	KindNone  Kind = iota // the field has no value of its own
	KindUint              // an unsigned number
	KindHex               // an unsigned number that is read in hexadecimal: flags, tags, checksums
	KindBool              // a flag
	KindFloat             // a 32-bit IEEE number
	KindAddr              // an IP address
	KindMAC               // an Ethernet address
	KindBytes             // anything else
)

// Value is a field's value: a small sum type, so that a tree is built without
// an allocation per field. Values are compared with Equal.
type Value struct {
	kind  Kind
	width uint8 // KindHex: digits
	num   uint64
	addr  netip.Addr
	bytes []byte
}

// Uint returns a number.
func Uint(v uint64) Value { return Value{kind: KindUint, num: v} }

// Hex returns a number of n bytes that is read in hexadecimal.
func Hex(v uint64, n int) Value { return Value{kind: KindHex, num: v, width: uint8(2 * n)} }

// Bool returns a flag.
func Bool(v bool) Value {
	if v {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// Float returns a 32-bit number.
func Float(v float32) Value { return Value{kind: KindFloat, num: uint64(math.Float32bits(v))} }

// Addr returns an IP address.
func Addr(a netip.Addr) Value { return Value{kind: KindAddr, addr: a} }

// MAC returns an Ethernet address.
func MAC(m inet.MAC) Value {
	var b [8]byte
	copy(b[2:], m[:])
	return Value{kind: KindMAC, num: binary.BigEndian.Uint64(b[:])}
}

// Bytes returns bytes, which it does not copy.
func Bytes(b []byte) Value { return Value{kind: KindBytes, bytes: b} }

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// Uint returns the number of KindUint and KindHex, and 0 or 1 of KindBool;
// else 0.
func (v Value) Uint() uint64 {
	switch v.kind {
	case KindUint, KindHex, KindBool:
		return v.num
	}
	return 0
}

// Bool reports whether v is a flag that is set.
func (v Value) Bool() bool { return v.kind == KindBool && v.num != 0 }

// Float returns the number of KindFloat; else 0.
func (v Value) Float() float32 {
	if v.kind != KindFloat {
		return 0
	}
	return math.Float32frombits(uint32(v.num))
}

// Addr returns the address of KindAddr; else the invalid one.
func (v Value) Addr() netip.Addr { return v.addr }

// MAC returns the address of KindMAC; else the zero one.
func (v Value) MAC() inet.MAC {
	if v.kind != KindMAC {
		return inet.MAC{}
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], v.num)
	return inet.MAC(b[2:])
}

// Bytes returns the bytes of KindBytes; else nil.
func (v Value) Bytes() []byte { return v.bytes }

// Equal reports whether v and w are the same value of the same kind.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.num == w.num && v.addr == w.addr && v.width == w.width && bytes.Equal(v.bytes, w.bytes)
}

// String returns v for a reader.
func (v Value) String() string { return string(v.AppendText(nil)) }

// AppendText appends v for a reader: bytes in hexadecimal, flags as true and
// false.
func (v Value) AppendText(b []byte) []byte {
	switch v.kind {
	case KindUint:
		return strconv.AppendUint(b, v.num, 10)
	case KindHex:
		return v.appendHex(b)
	case KindBool:
		return strconv.AppendBool(b, v.num != 0)
	case KindFloat:
		return strconv.AppendFloat(b, float64(v.Float()), 'g', -1, 32)
	case KindAddr:
		return v.addr.AppendTo(b)
	case KindMAC:
		m := v.MAC()
		return appendMAC(b, m)
	case KindBytes:
		return hex.AppendEncode(b, v.bytes)
	}
	return b
}

func (v Value) appendHex(b []byte) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '0', 'x')
	for shift := 4 * (int(v.width) - 1); shift >= 0; shift -= 4 {
		b = append(b, digits[v.num>>shift&0xf])
	}
	return b
}

func appendMAC(b []byte, m inet.MAC) []byte {
	for i := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, m[i:i+1])
	}
	return b
}

// AppendJSON appends v as JSON: numbers and flags as such, the rest as
// strings, and so are numbers read in hexadecimal, some of which have 64 bits.
func (v Value) AppendJSON(b []byte) []byte {
	switch v.kind {
	case KindNone:
		return append(b, "null"...)
	case KindUint, KindBool:
		return v.AppendText(b)
	case KindFloat:
		if f := float64(v.Float()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return v.AppendText(b)
		}
	}
	b = append(b, '"')
	b = v.AppendText(b)
	return append(b, '"')
}
