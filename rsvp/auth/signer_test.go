package auth_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/auth"
	"github.com/mpstack/mpstack/rsvp/intserv"
)

// path is a message to be signed.
func path() rsvp.Message {
	src := netip.MustParseAddr("10.0.1.1")
	return rsvp.Message{Type: rsvp.Path, SendTTL: 64, Session: rsvp.Session{Dst: netip.MustParseAddr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: src, LIH: 1}, TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Sender: rsvp.FilterSpec{Src: src, Port: 4000},
		HasTSpec: true, TSpec: intserv.TSpec{Rate: 1000, Depth: 1500, Peak: 1000, MinUnit: 64, MaxPacket: 1500}}
}

func at(seconds int) machine.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// TestSelect: which key signs when: the newer one from the middle of an overlap
// (RFC 2747 section 5.1), and the last one beyond its end (section 5.3).
func TestSelect(t *testing.T) {
	s := auth.NewSigner(auth.SignerConfig{})
	if k, _ := s.Select(at(0)); k != nil {
		t.Error("a key out of nothing")
	}
	for _, k := range []*auth.Key{key(t, 3, 200, 400), key(t, 1, 0, 120), key(t, 2, 100, 220), key(t, 4, 500, 600)} {
		if err := s.AddKey(k); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddKey(key(t, 2, 0, 0)); !errors.Is(err, auth.ErrKeyInUse) {
		t.Errorf("the same identifier: %v", err)
	}
	for _, tc := range []struct {
		at      int
		id      uint64
		expired bool
	}{{0, 1, false}, {109, 1, false}, {110, 2, false}, {209, 2, false}, {210, 3, false}, {399, 3, false}, {400, 3, true}, {499, 3, true}, {500, 4, false}, {600, 4, true}, {9999, 4, true}} {
		k, expired := s.Select(at(tc.at))
		if k == nil || k.ID() != tc.id || expired != tc.expired {
			t.Errorf("at %d: %v, expired %v", tc.at, k, expired)
		}
	}
	if k, expired := s.Select(at(0)); k.ID() != 4 || !expired { // time does not go back
		t.Error(k)
	}
	if n := len(s.Keys()); n != 4 || s.Keys()[0].ID() != 1 {
		t.Error(s.Keys())
	}
	if err := s.DeleteKey(4); err != nil {
		t.Error(err)
	}
	if k, _ := s.Select(at(9999)); k.ID() != 3 {
		t.Error(k)
	}
	if err := s.DeleteKey(4); !errors.Is(err, auth.ErrNoKey) {
		t.Error(err)
	}
}

// TestSelectWithoutEnd: a key that never ends gives way when the next begins.
func TestSelectWithoutEnd(t *testing.T) {
	s := auth.NewSigner(auth.SignerConfig{})
	s.AddKey(key(t, 1, 0, 0))
	s.AddKey(key(t, 2, 100, 0))
	for _, tc := range []struct {
		at int
		id uint64
	}{{99, 1}, {100, 2}, {9999, 2}} {
		if k, expired := s.Select(at(tc.at)); k.ID() != tc.id || expired {
			t.Errorf("at %d: %v", tc.at, k)
		}
	}
}

// TestSequence: numbers rise, whatever the clock does, and are timestamps where
// it runs.
func TestSequence(t *testing.T) {
	s := auth.NewSigner(auth.SignerConfig{Handshake: true})
	if _, _, err := s.Integrity(epoch); !errors.Is(err, auth.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	s.AddKey(key(t, 1, 0, 0))
	if _, ok := s.Last(1); ok {
		t.Error("a number before the first")
	}
	last := uint64(0)
	for i, now := range []machine.Time{epoch, epoch, epoch + 1, epoch.Add(time.Second), epoch, epoch.Add(time.Hour)} {
		in, k, err := s.Integrity(now)
		if err != nil || k.ID() != 1 || in.KeyID != 1 || in.Flags != rsvp.Handshake || len(in.Digest) != 32 {
			t.Fatalf("%v %v", in, err)
		}
		if i > 0 && int64(in.Sequence-last) <= 0 {
			t.Errorf("%d: %d after %d", i, in.Sequence, last)
		}
		last = in.Sequence
	}
	if want := uint64(0xbc17c200+3600) << 32; last != want {
		t.Errorf("%#x, want %#x", last, want)
	}
	if got, ok := s.Last(1); !ok || got != last {
		t.Errorf("%d", got)
	}
	// Another start, with a clock that lost an hour: Resume.
	s = auth.NewSigner(auth.SignerConfig{})
	s.AddKey(key(t, 1, 0, 0))
	if err := s.Resume(1, last); err != nil {
		t.Fatal(err)
	}
	if in, _, _ := s.Integrity(epoch); in.Sequence != last+1 || in.Flags != 0 {
		t.Errorf("%v", in)
	}
	if err := s.Resume(9, 1); !errors.Is(err, auth.ErrNoKey) {
		t.Error(err)
	}
	if _, ok := s.Last(9); ok {
		t.Error("a number of no key")
	}
	if c := s.Counters(); c.Signed != 1 || c.Expired != 0 {
		t.Errorf("%+v", c)
	}
}

// TestAnswer: challenges are answered with the key that they name, a few a
// second.
func TestAnswer(t *testing.T) {
	s := auth.NewSigner(auth.SignerConfig{Responses: 2})
	s.AddKey(key(t, 1, 0, 0))
	s.AddKey(key(t, 2, 0, 0))
	c := rsvp.Challenge{KeyID: 1, Cookie: [8]byte{1, 2, 3}}
	b, err := s.AppendResponse(epoch, nil, c, 255)
	if err != nil {
		t.Fatal(err)
	}
	var m rsvp.Message
	if err := m.Decode(b); err != nil || m.Type != rsvp.IntegrityResponse || m.Challenge != c || m.Integrity.KeyID != 1 || !auth.VerifyRSVP(key(t, 1, 0, 0), b) {
		t.Errorf("%v %v", err, m.Integrity)
	}
	if _, _, err := s.Answer(epoch, rsvp.Challenge{KeyID: 9}); !errors.Is(err, auth.ErrNoKey) {
		t.Error(err)
	}
	for i, tc := range []struct {
		after time.Duration
		want  error
	}{{0, nil}, {999 * time.Millisecond, auth.ErrRate}, {time.Second, nil}, {time.Second, nil}, {time.Second, auth.ErrRate}} {
		if _, err := s.AppendResponse(epoch.Add(tc.after), nil, c, 255); !errors.Is(err, tc.want) {
			t.Errorf("%d: %v, want %v", i, err, tc.want)
		}
	}
	if got, want := s.Counters(), (auth.SignerCounters{Signed: 4, Answered: 4, Unknown: 1, Limited: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestSignerLimits: keys are bounded, and a message that cannot be encoded is not
// appended.
func TestSignerLimits(t *testing.T) {
	s := auth.NewSigner(auth.SignerConfig{})
	for i := range auth.MaxKeys {
		if err := s.AddKey(key(t, uint64(i), 0, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddKey(key(t, 999, 0, 0)); err == nil {
		t.Error("no limit")
	}
	if b, err := s.AppendMessage(at(20), []byte("x"), &rsvp.Message{Type: rsvp.Path}); err == nil || string(b) != "x" {
		t.Errorf("%v %q", err, b)
	}
	if c := s.Counters(); c.Expired != 1 {
		t.Errorf("%+v", c)
	}
	if b, err := auth.NewSigner(auth.SignerConfig{}).AppendMessage(epoch, []byte("x"), new(rsvp.Message)); err == nil || string(b) != "x" {
		t.Errorf("%v %q", err, b)
	}
}
