package rsvp

import (
	"encoding/binary"
	"strings"

	"github.com/mpstack/mpstack/wire/object"
)

// AttributeType is the A-Type of an authentication attribute (RFC 3182 section
// 3.3).
type AttributeType uint8

// A-Types.
const (
	AttributeLocator    AttributeType = 1 // POLICY_LOCATOR; SubType Locator…
	AttributeCredential AttributeType = 2 // CREDENTIAL; SubType Credential…
	AttributeSignature  AttributeType = 3 // DIGITAL_SIGNATURE; comes last
	AttributeError      AttributeType = 4 // POLICY_ERROR_OBJECT
)

// SubTypes of AttributeLocator (RFC 3182 section 3.3.1).
const (
	LocatorASCII            uint8 = 1
	LocatorUnicode          uint8 = 2
	LocatorASCIIEncrypted   uint8 = 3
	LocatorUnicodeEncrypted uint8 = 4
)

// SubTypes of AttributeCredential (RFC 3182 section 3.3.2).
const (
	CredentialASCII    uint8 = 1
	CredentialUnicode  uint8 = 2
	CredentialKerberos uint8 = 3
	CredentialX509     uint8 = 4
	CredentialPGP      uint8 = 5
)

// Error values of AttributeError (RFC 3182 section 3.3.4).
const (
	IdentityNoMoreInfo            uint16 = 1
	IdentityUnsupportedCredential uint16 = 2
	IdentityInsufficientPrivilege uint16 = 3
	IdentityExpired               uint16 = 4
	IdentityChanged               uint16 = 5
)

// Attribute is one authentication attribute.
type Attribute struct {
	Type    AttributeType
	SubType uint8
	Value   []byte // without padding; aliases what was parsed
}

// PolicyError returns the error value and the text behind it of an
// AttributeError.
func (a Attribute) PolicyError() (value uint16, text []byte, ok bool) {
	if a.Type != AttributeError || len(a.Value) < 4 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(a.Value[2:]), a.Value[4:], true
}

// Identity is the AUTH_DATA policy element of RFC 3182: who a user or, in the
// form of RFC 2872, an application is.
type Identity struct {
	Type       PolicyType // PolicyUser or PolicyApplication
	Attributes []Attribute
}

// Element returns the policy element. It fails for another type, an attribute
// that is too long, and a signature that is not last.
func (i Identity) Element() (PolicyElement, error) {
	if i.Type != PolicyUser && i.Type != PolicyApplication {
		return PolicyElement{}, failf("AUTH_DATA", 0, ErrPolicyType, "P-Type %d", i.Type)
	}
	var b []byte
	for n, a := range i.Attributes {
		switch {
		case len(a.Value) > 0xffff-4:
			return PolicyElement{}, failf("AUTH_DATA attribute", len(b), object.ErrTooLong, "%d bytes", len(a.Value))
		case a.Type == AttributeSignature && n != len(i.Attributes)-1:
			return PolicyElement{}, fail("DIGITAL_SIGNATURE", len(b), ErrOrder)
		case a.Type == AttributeError && len(a.Value) < 4:
			return PolicyElement{}, failf("POLICY_ERROR_OBJECT", len(b), object.ErrLength, "%d bytes", len(a.Value))
		}
		b = binary.BigEndian.AppendUint16(b, uint16(4+len(a.Value)))
		b = appendPadded(append(b, uint8(a.Type), a.SubType), a.Value)
	}
	return PolicyElement{Type: i.Type, Data: b}, nil
}

// ParseIdentity reads an AUTH_DATA policy element.
func ParseIdentity(e PolicyElement) (Identity, error) {
	i := Identity{Type: e.Type}
	if i.Type != PolicyUser && i.Type != PolicyApplication {
		return i, failf("AUTH_DATA", 0, ErrPolicyType, "P-Type %d", e.Type)
	}
	i.Attributes = withRoom(i.Attributes, countAttributes(e.Data))
	for off := 0; off < len(e.Data); {
		b := e.Data[off:]
		n, err := tlvAttribute(b, off)
		if err != nil {
			return i, err
		}
		a := Attribute{Type: AttributeType(b[2]), SubType: b[3], Value: b[4:n:n]}
		off += padded(n)
		switch {
		case a.Type == AttributeError && n < 8:
			return i, failf("POLICY_ERROR_OBJECT", off-padded(n), object.ErrLength, "%d bytes", n)
		case a.Type == AttributeSignature && off < len(e.Data):
			return i, fail("DIGITAL_SIGNATURE", off-padded(n), ErrOrder)
		}
		i.Attributes = append(i.Attributes, a)
	}
	return i, nil
}

// countAttributes returns how many attributes b begins with.
func countAttributes(b []byte) (n int) {
	for len(b) > 0 {
		size, err := tlvAttribute(b, 0)
		if err != nil {
			break
		}
		n, b = n+1, b[padded(size):]
	}
	return n
}

// tlvAttribute returns the length of the attribute that b begins with: at least
// 4, padding left out.
func tlvAttribute(b []byte, off int) (int, *object.DecodeError) {
	if len(b) < 4 {
		return 0, failf("AUTH_DATA attribute", off, object.ErrTruncated, "%d bytes left", len(b))
	}
	n := int(binary.BigEndian.Uint16(b))
	if n < 4 || padded(n) > len(b) {
		return 0, failf("AUTH_DATA attribute length", off, object.ErrLength, "%d, %d bytes left", n, len(b))
	}
	return n, nil
}

// LocatorPart is one keyword of a policy locator, as "APP=SAP". RFC 2872 section
// 2 recommends the keywords GUID, APP, VER and, several times, SAPP.
type LocatorPart struct{ Key, Value string }

// ParseLocator splits the text of an ASCII policy locator, a distinguished name
// in the syntax of RFC 1779: "APP=SAP, VER=1.1, SAPP=Print". Values may be in
// quotes; a backslash takes the next character as it is.
func ParseLocator(text string) ([]LocatorPart, error) {
	parts := withRoom([]LocatorPart(nil), countLocator(text))
	for off := 0; off < len(text); {
		key, rest, ok := strings.Cut(text[off:], "=")
		if key = strings.TrimSpace(key); !ok || key == "" || strings.ContainsAny(key, `,;"\`) {
			return parts, failf("policy locator", off, ErrValue, "%.32q", text[off:])
		}
		value, left, ok := locatorValue(rest)
		if !ok {
			return parts, failf("policy locator", len(text)-len(rest), ErrValue, "%.32q", rest)
		}
		parts = append(parts, LocatorPart{key, value})
		off = len(text) - len(left)
	}
	return parts, nil
}

// countLocator returns how many parts the text has at most: one behind each
// separator that is neither escaped nor in quotes, of two characters at least.
func countLocator(text string) int {
	n, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '=' && n == 0:
			n = 1
		case (c == ',' || c == ';') && !quoted:
			n++
		}
	}
	return min(n, (len(text)+1)/3)
}

// locatorValue returns a value, without quotes and escapes, and what follows
// the separator behind it. It reports false for a quote or escape without end.
func locatorValue(s string) (value, rest string, ok bool) {
	var v strings.Builder
	quoted, keep := false, 0 // keep: length of v that is not to be trimmed
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) {
				return "", "", false
			}
			v.WriteByte(s[i])
			keep = v.Len()
		case c == '"':
			quoted = !quoted
			keep = v.Len()
		case (c == ',' || c == ';') && !quoted:
			return trimLocator(v.String(), keep), s[i+1:], true
		case c == ' ' && !quoted && v.Len() == 0 && keep == 0:
		default:
			v.WriteByte(c)
		}
	}
	return trimLocator(v.String(), keep), "", !quoted
}

func trimLocator(v string, keep int) string { return v[:keep] + strings.TrimRight(v[keep:], " ") }

// FormatLocator is the opposite of ParseLocator.
func FormatLocator(parts []LocatorPart) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Key + "=")
		if strings.ContainsAny(p.Value, `,;="\`) || strings.TrimSpace(p.Value) != p.Value {
			b.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.Value) + `"`)
		} else {
			b.WriteString(p.Value)
		}
	}
	return b.String()
}
