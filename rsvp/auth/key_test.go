package auth_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/auth"
)

const epoch = machine.VirtualEpoch

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newKey(t testing.TB, s auth.KeySpec) *auth.Key {
	t.Helper()
	k, err := auth.NewKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// key is a key with an identifier and a lifetime in seconds from the epoch.
func key(t testing.TB, id uint64, from, until int) *auth.Key {
	t.Helper()
	s := auth.KeySpec{ID: id, Algorithm: auth.HMACSHA256, Secret: []byte{byte(id), 1, 2, 3}, From: epoch.Add(time.Duration(from) * time.Second)}
	if until != 0 {
		s.Until = epoch.Add(time.Duration(until) * time.Second)
	}
	return newKey(t, s)
}

// TestDigest: the test cases of RFC 2202 and RFC 4231, in one piece, in two, and
// with ranges of zeros that are filled with something else.
func TestDigest(t *testing.T) {
	ones := strings.Repeat("aa", 131)
	for _, tc := range []struct {
		a                 auth.Algorithm
		key, data, digest string
	}{
		{auth.HMACMD5, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", hex.EncodeToString([]byte("Hi There")), "9294727a3638bb1c13f48ef8158bfc9d"},
		{auth.HMACMD5, hex.EncodeToString([]byte("Jefe")), hex.EncodeToString([]byte("what do ya want for nothing?")), "750c783e6ab0b503eaa86e310a5db738"},
		{auth.HMACSHA1, strings.Repeat("0b", 20), hex.EncodeToString([]byte("Hi There")), "b617318655057264e28bc0b6fb378c8ef146be00"},
		{auth.HMACSHA1, strings.Repeat("aa", 80), hex.EncodeToString([]byte("Test Using Larger Than Block-Size Key - Hash Key First")), "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
		{auth.HMACSHA256, strings.Repeat("0b", 20), hex.EncodeToString([]byte("Hi There")), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{auth.HMACSHA256, ones, hex.EncodeToString([]byte("Test Using Larger Than Block-Size Key - Hash Key First")), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	} {
		k := newKey(t, auth.KeySpec{Algorithm: tc.a, Secret: unhex(t, tc.key)})
		data, want := unhex(t, tc.data), unhex(t, tc.digest)
		for cut := range len(data) + 1 {
			if got := k.Digest([]byte("x"), data[:cut], data[cut:], auth.Zeros{}); !bytes.Equal(got[1:], want) {
				t.Errorf("%v cut at %d: %x", tc.a, cut, got[1:])
			}
		}
		if !k.Verify(want, nil, data, auth.Zeros{}) || k.Verify(want[:12], nil, data, auth.Zeros{}) || k.Verify(nil, nil, data, auth.Zeros{}) {
			t.Errorf("%v: Verify", tc.a)
		}
		if tc.a.Size() != len(want) {
			t.Errorf("%v: %d bytes", tc.a, tc.a.Size())
		}
	}
}

// TestZeros: what lies in the ranges does not count, wherever they are.
func TestZeros(t *testing.T) {
	k := key(t, 1, 0, 0)
	plain := make([]byte, 200)
	for i := range plain {
		plain[i] = byte(i)
	}
	for _, z := range []auth.Zeros{
		{}, {{0, 4}}, {{2, 4}, {28, 60}}, {{0, 200}}, {{5, 5}, {7, 8}}, {{190, 300}}, {{300, 400}}, {{10, 150}, {100, 160}}, {{50, 60}, {10, 55}}, {{-5, 3}},
	} {
		zeroed := bytes.Clone(plain)
		for at, s := 0, 0; s < 2; s++ {
			from := min(max(z[s].From, at), 200)
			for i := from; i < min(z[s].To, 200); i++ {
				zeroed[i] = 0
				at = i + 1
			}
		}
		want := k.Digest(nil, []byte("prefix"), zeroed, auth.Zeros{})
		if got := k.Digest(nil, []byte("prefix"), plain, z); !bytes.Equal(got, want) {
			t.Errorf("%v: %x, want %x", z, got, want)
		}
	}
}

// TestKeys: what is no key is refused, and a key does not show its secret.
func TestKeys(t *testing.T) {
	good := auth.KeySpec{ID: rsvp.MaxKeyID, Algorithm: auth.HMACMD5, Secret: []byte("secret"), From: epoch, Until: epoch + 1}
	for _, tc := range []struct {
		change func(*auth.KeySpec)
		want   error
	}{
		{func(s *auth.KeySpec) {}, nil},
		{func(s *auth.KeySpec) { s.ID++ }, auth.ErrKey},
		{func(s *auth.KeySpec) { s.Algorithm = 0 }, auth.ErrAlgorithm},
		{func(s *auth.KeySpec) { s.Algorithm = 4 }, auth.ErrAlgorithm},
		{func(s *auth.KeySpec) { s.Secret = nil }, auth.ErrKey},
		{func(s *auth.KeySpec) { s.Until = epoch }, auth.ErrKey},
	} {
		s := good
		tc.change(&s)
		if _, err := auth.NewKey(s); !errors.Is(err, tc.want) {
			t.Errorf("%+v: %v, want %v", s, err, tc.want)
		}
	}
	k := newKey(t, good)
	if k.String() != "key ffffffffffff hmac-md5 from 2000-01-01T00:00:00.000000000Z until 2000-01-01T00:00:00.000000001Z" {
		t.Error(k)
	}
	if from, until := k.Lifetime(); from != epoch || until != epoch+1 || !k.ValidAt(epoch) || k.ValidAt(epoch+1) || k.ValidAt(epoch-1) {
		t.Error("lifetime")
	}
	good.Secret[0]++ // the key has its own
	if a := newKey(t, auth.KeySpec{Algorithm: auth.HMACMD5, Secret: []byte("secret")}); !bytes.Equal(a.Digest(nil, nil, nil, auth.Zeros{}), k.Digest(nil, nil, nil, auth.Zeros{})) {
		t.Error("the key changed with the slice that it was made from")
	}
}

// TestNames: algorithms and policies by name and back.
func TestNames(t *testing.T) {
	for _, name := range []string{"hmac-md5", "hmac-sha1", "hmac-sha256"} {
		if a, err := auth.ParseAlgorithm(name); err != nil || a.String() != name || !a.Valid() {
			t.Errorf("%s: %v %v", name, a, err)
		}
	}
	for _, name := range []string{"off", "accept", "require"} {
		if p, err := auth.ParsePolicy(name); err != nil || p.String() != name {
			t.Errorf("%s: %v %v", name, p, err)
		}
	}
	if _, err := auth.ParseAlgorithm("md5"); !errors.Is(err, auth.ErrAlgorithm) {
		t.Error(err)
	}
	if _, err := auth.ParsePolicy(""); err == nil {
		t.Error("no policy")
	}
	if auth.Algorithm(9).String() != "algorithm 9" || auth.Policy(9).String() != "policy 9" || auth.Algorithm(9).Size() != 0 {
		t.Error("names")
	}
	for _, v := range auth.Verdicts() {
		if v.String() == "" {
			t.Errorf("verdict %d", v)
		}
	}
}

// TestSeal: a sealed message verifies with its key, with no other, and not when
// a bit of it is changed, but for the checksum.
func TestSeal(t *testing.T) {
	for _, a := range []auth.Algorithm{auth.HMACMD5, auth.HMACSHA1, auth.HMACSHA256} {
		k := newKey(t, auth.KeySpec{ID: 7, Algorithm: a, Secret: []byte("secret")})
		other := newKey(t, auth.KeySpec{ID: 7, Algorithm: a, Secret: []byte("Secret")})
		s := auth.NewSigner(auth.SignerConfig{})
		if err := s.AddKey(k); err != nil {
			t.Fatal(err)
		}
		m := path()
		b, err := s.AppendMessage(epoch, nil, &m)
		if err != nil {
			t.Fatal(err)
		}
		if b[2] != 0 || b[3] != 0 || !auth.VerifyRSVP(k, b) || auth.VerifyRSVP(other, b) {
			t.Fatalf("%v: %x", a, b)
		}
		for bit := range 8 * len(b) {
			b[bit/8] ^= 1 << (bit % 8)
			if in := bit/8 == 2 || bit/8 == 3; auth.VerifyRSVP(k, b) != in {
				t.Errorf("%v: bit %d", a, bit)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
		var got rsvp.Message
		if err := got.Decode(b); err != nil || got.Integrity.KeyID != 7 || len(got.Integrity.Digest) != a.Size() {
			t.Errorf("%v %+v", err, got.Integrity)
		}
	}
	k := key(t, 1, 0, 0)
	m := path()
	plain, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Integrity = rsvp.Integrity{Digest: make([]byte, 16)}
	short, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "unsigned": plain, "another length": short} {
		if err := auth.SealRSVP(k, b); !errors.Is(err, auth.ErrMessage) || auth.VerifyRSVP(k, b) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPolicyData: RFC 2750 Appendix B: the SESSION counts, without its flags.
func TestPolicyData(t *testing.T) {
	k := newKey(t, auth.KeySpec{ID: 7, Algorithm: auth.HMACMD5, Secret: []byte("secret")})
	session := path().Session
	p := rsvp.PolicyData{Integrity: rsvp.Integrity{KeyID: 7, Digest: make([]byte, 16)}}
	b, err := p.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	const at = 8 + rsvp.DigestOffset
	d, err := auth.DigestPolicyData(nil, k, b, at, session)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[at:], d)
	s, _ := session.AppendTo(nil)
	if !k.Verify(d, nil, append(bytes.Clone(b), s...), auth.Zeros{{at, at + 16}}) {
		t.Error("not the digest of object and session")
	}
	session.Flags = rsvp.EPolice
	if again, err := auth.DigestPolicyData(nil, k, b, at, session); err != nil || !bytes.Equal(again, d) {
		t.Errorf("flags count: %v", err)
	}
	session.DstPort++
	if again, err := auth.DigestPolicyData(nil, k, b, at, session); err != nil || bytes.Equal(again, d) {
		t.Errorf("the port does not count: %v", err)
	}
	if _, err := auth.DigestPolicyData(nil, k, b, at, rsvp.Session{}); err == nil {
		t.Error("no session")
	}
}
