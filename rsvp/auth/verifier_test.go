package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/auth"
)

var (
	peer    = netip.MustParseAddr("10.0.1.1")
	other   = netip.MustParseAddr("10.0.1.2")
	nobody  netip.Addr // any sender
	shaking = auth.SignerConfig{Handshake: true}
)

// pair is a sender and a receiver that share keys.
type pair struct {
	t   *testing.T
	s   *auth.Signer
	v   *auth.Verifier
	now machine.Time
	m   rsvp.Message
}

func newPair(t *testing.T, sc auth.SignerConfig, vc auth.VerifierConfig, keys ...*auth.Key) *pair {
	t.Helper()
	if vc.Entropy == nil {
		vc.Entropy = machine.SeededEntropy(1, "v", "auth")
	}
	p := &pair{t: t, s: auth.NewSigner(sc), v: auth.NewVerifier(vc), now: epoch}
	for _, k := range keys {
		if err := errors.Join(p.s.AddKey(k), p.v.AddKey(peer, k)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// send returns the next signed message.
func (p *pair) send() []byte {
	p.t.Helper()
	m := path()
	b, err := p.s.AppendMessage(p.now, nil, &m)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

// take gives the receiver a message.
func (p *pair) take(b []byte) auth.Verdict {
	p.t.Helper()
	if err := p.m.Decode(b); err != nil {
		p.t.Fatal(err)
	}
	s := auth.RSVPSigned(&p.m, b, peer)
	if p.m.Type == rsvp.IntegrityResponse {
		return p.v.Response(p.now, s, p.m.Challenge)
	}
	return p.v.Verify(p.now, s)
}

// challenges drains the receiver's outputs.
func (p *pair) challenges() (list []rsvp.Challenge) {
	for {
		o, ok := p.v.Next()
		if !ok {
			return list
		}
		if o.Kind == auth.SendChallenge {
			list = append(list, o.Challenge)
		}
	}
}

// answer returns the sender's answer to a challenge.
func (p *pair) answer(c rsvp.Challenge) []byte {
	p.t.Helper()
	b, err := p.s.AppendResponse(p.now, nil, c, 255)
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *pair) want(what string, got, want auth.Verdict) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestVerify: what a receiver takes and what not (RFC 2747 section 4.2).
func TestVerify(t *testing.T) {
	p := newPair(t, auth.SignerConfig{}, auth.VerifierConfig{Window: 2}, key(t, 1, 0, 0))
	a, b, c, d := p.send(), p.send(), p.send(), p.send()
	p.want("first", p.take(a), auth.Good)
	p.want("again", p.take(a), auth.Replayed)
	p.want("third", p.take(c), auth.Good)
	p.want("second, late", p.take(b), auth.Good)
	p.want("fourth", p.take(d), auth.Good)
	p.want("second, again", p.take(b), auth.Replayed)
	changed := p.send()
	changed[len(changed)-1] ^= 1
	p.want("changed", p.take(changed), auth.BadDigest)
	changed[len(changed)-1] ^= 1
	p.want("not changed", p.take(changed), auth.Good)
	if err := p.m.Decode(changed); err != nil {
		t.Fatal(err)
	}
	s := auth.RSVPSigned(&p.m, changed, nobody)
	s.Peer = other
	p.want("of another sender", p.v.Verify(p.now, s), auth.NoKey)
	want := auth.VerifierCounters{Associations: 1}
	want.Verdicts[auth.Good], want.Verdicts[auth.Replayed], want.Verdicts[auth.BadDigest], want.Verdicts[auth.NoKey] = 5, 2, 1, 1
	if d := cmp.Diff(want, p.v.Counters()); d != "" {
		t.Error(d)
	}
	if !p.v.Quiet() || len(p.challenges()) != 0 {
		t.Error("not quiet")
	}
}

// TestPeer: the sending system is that of RSVP_HOP, or the IP source where there
// is none (RFC 2747 section 4).
func TestPeer(t *testing.T) {
	m := path()
	if s := auth.RSVPSigned(&m, nil, other); s.Peer != peer {
		t.Error(s.Peer)
	}
	m.Hop = rsvp.Hop{}
	if s := auth.RSVPSigned(&m, nil, other); s.Peer != other {
		t.Error(s.Peer)
	}
}

// TestLifetimes: keys outside their lifetime are refused, but for the last one
// (RFC 2747 section 5.3), of which somebody is told once.
func TestLifetimes(t *testing.T) {
	old, next := key(t, 1, 0, 100), key(t, 2, 80, 200)
	p := newPair(t, auth.SignerConfig{}, auth.VerifierConfig{}, old)
	if err := p.v.AddKey(peer, next); err != nil {
		t.Fatal(err)
	}
	late := auth.NewSigner(auth.SignerConfig{})
	late.AddKey(next)
	sign := func(s *auth.Signer) []byte {
		m := path()
		b, err := s.AppendMessage(p.now, nil, &m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	early, _ := func() ([]byte, error) {
		m := path()
		m.Integrity, m.NoChecksum = rsvp.Integrity{KeyID: 2, Sequence: 1, Digest: make([]byte, 32)}, true
		b, err := m.AppendTo(nil)
		return b, errors.Join(err, auth.SealRSVP(next, b))
	}()
	p.want("before its time", p.take(early), auth.Lifetime)
	p.now = at(90)
	p.want("old in the overlap", p.take(p.send()), auth.Good)
	p.want("new in the overlap", p.take(sign(late)), auth.Good)
	p.now = at(150)
	p.want("old after the overlap", p.take(p.send()), auth.Lifetime)
	p.want("new", p.take(sign(late)), auth.Good)
	p.now = at(300)
	p.want("both are over, the old one", p.take(p.send()), auth.Lifetime)
	for range 3 {
		p.want("the last one goes on", p.take(sign(late)), auth.Good)
	}
	o, ok := p.v.Next()
	if !ok || o.Kind != auth.KeyExpired || o.Peer != peer || o.KeyID != 2 || o.Cause != auth.CauseExpired {
		t.Errorf("%+v", o)
	}
	if _, more := p.v.Next(); more {
		t.Error("told twice")
	}
	if c := p.v.Counters(); c.Expired != 3 {
		t.Errorf("%+v", c)
	}
}

// TestHandshake: a receiver that has started asks a willing sender for its
// number before it takes anything, and takes nothing from before the answer (RFC
// 2747 section 4.3).
func TestHandshake(t *testing.T) {
	var trace []string
	p := newPair(t, shaking, auth.VerifierConfig{Node: "v", Trace: func(x machine.Transition) { trace = append(trace, x.String()) }}, key(t, 1, 0, 0))
	recorded := p.send()
	p.want("before the handshake", p.take(p.send()), auth.Awaiting)
	p.want("before the handshake", p.take(p.send()), auth.Awaiting)
	c := p.challenges()
	if len(c) != 1 || c[0].KeyID != 1 {
		t.Fatalf("%v", c)
	}
	inFlight := p.send()
	response := p.answer(c[0])
	wrong := c[0]
	wrong.Cookie[7] ^= 1
	p.want("another cookie", p.take(p.answer(wrong)), auth.Stray)
	p.want("the response", p.take(response), auth.Good)
	p.want("the response again", p.take(response), auth.Stray)
	p.want("replayed from before", p.take(recorded), auth.Replayed)
	p.want("sent before the response", p.take(inFlight), auth.Replayed)
	p.want("after the handshake", p.take(p.send()), auth.Good)
	if !p.v.Quiet() || len(p.challenges()) != 0 {
		t.Error("not quiet")
	}
	want := []string{
		"auth/receive v 10.0.1.1 key 000000000001: Unknown --WillingMessage--> Challenged (the number is asked for)",
		"auth/receive v 10.0.1.1 key 000000000001: Challenged --Response--> Open (the response matches)",
	}
	if d := cmp.Diff(want, trace); d != "" {
		t.Error(d)
	}
	list := p.v.Snapshot()
	if len(list) != 1 || list[0].State != auth.Open || list[0].Peer != peer || list[0].KeyID != 1 || list[0].Largest == 0 {
		t.Errorf("%+v", list)
	}
}

// TestResponseDigest: a response that is not signed right ends nothing, and one
// to nobody who asked is stray.
func TestResponseDigest(t *testing.T) {
	p := newPair(t, shaking, auth.VerifierConfig{}, key(t, 1, 0, 0))
	p.want("unasked", p.take(p.answer(rsvp.Challenge{KeyID: 1})), auth.Stray)
	p.take(p.send())
	c := p.challenges()[0]
	b := p.answer(c)
	b[len(b)-1] ^= 1 // the cookie
	p.want("changed", p.take(b), auth.BadDigest)
	p.want("right", p.take(p.answer(c)), auth.Good)
}

// TestChallengeRetries: a challenge without an answer is repeated with the same
// cookie after 1, 2, 4 … seconds; then the next message begins anew.
func TestChallengeRetries(t *testing.T) {
	p := newPair(t, shaking, auth.VerifierConfig{Tries: 3}, key(t, 1, 0, 0))
	p.take(p.send())
	first := p.challenges()[0]
	var waits []time.Duration
	for {
		d, ok := p.v.Deadline()
		if !ok {
			break
		}
		p.v.Advance(d - 1)
		if n := len(p.challenges()); n != 0 {
			t.Errorf("%d too early", n)
		}
		waits = append(waits, d.Sub(p.now))
		p.now = d
		p.v.Advance(d)
		for _, c := range p.challenges() {
			if c != first {
				t.Errorf("%v, then %v", first, c)
			}
		}
	}
	if fmt.Sprint(waits) != "[1s 2s 4s]" {
		t.Errorf("%v", waits)
	}
	if c := p.v.Counters(); c.Challenges != 3 || c.Failed != 1 || !p.v.Quiet() {
		t.Errorf("%+v", c)
	}
	p.want("late response", p.take(p.answer(first)), auth.Stray)
	p.want("next message", p.take(p.send()), auth.Awaiting)
	c := p.challenges()
	if len(c) != 1 || c[0].Cookie == first.Cookie {
		t.Errorf("%v after %v", c, first)
	}
	p.want("response", p.take(p.answer(c[0])), auth.Good)
	p.want("message", p.take(p.send()), auth.Good)
}

// TestHandshakePolicies: with whom a receiver shakes hands.
func TestHandshakePolicies(t *testing.T) {
	for _, tc := range []struct {
		h        auth.Handshakes
		willing  bool
		want     auth.Verdict
		asked    int
		lowFlags bool
	}{
		{auth.Willing, true, auth.Awaiting, 1, false}, {auth.Willing, false, auth.Good, 0, false}, {auth.Willing, false, auth.Awaiting, 1, true},
		{auth.Never, true, auth.Good, 0, false}, {auth.Never, false, auth.Good, 0, false},
		{auth.Always, true, auth.Awaiting, 1, false}, {auth.Always, false, auth.Refusing, 0, false}, {auth.Always, false, auth.Awaiting, 1, true},
	} {
		k := key(t, 1, 0, 0)
		p := newPair(t, auth.SignerConfig{Handshake: tc.willing}, auth.VerifierConfig{Handshakes: tc.h}, k)
		b := p.send()
		if tc.lowFlags { // as Cisco's routers set it
			b[rsvp.HeaderLen+4] = uint8(rsvp.HandshakeLow)
			if err := auth.SealRSVP(k, b); err != nil {
				t.Fatal(err)
			}
		}
		if got, asked := p.take(b), len(p.challenges()); got != tc.want || asked != tc.asked {
			t.Errorf("%+v: %v, %d challenges", tc, got, asked)
		}
	}
}

// TestStart: a receiver may ask before the first message comes, and again at any
// time.
func TestStart(t *testing.T) {
	p := newPair(t, shaking, auth.VerifierConfig{Associations: 1}, key(t, 1, 0, 0), key(t, 2, 0, 0))
	if err := p.v.Challenge(p.now, other, 1); !errors.Is(err, auth.ErrNoKey) {
		t.Error(err)
	}
	if err := p.v.Challenge(p.now, peer, 1); err != nil {
		t.Fatal(err)
	}
	if err := p.v.Challenge(p.now, peer, 1); err != nil || len(p.challenges()) != 1 {
		t.Errorf("twice: %v", err)
	}
	if err := p.v.Challenge(p.now, peer, 2); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("above the limit: %v", err)
	}
	p.v.DeleteKey(peer, 1)
	if !p.v.Quiet() || p.v.Counters().Associations != 0 {
		t.Error("a handshake with a key that is gone")
	}
	if err := p.v.Challenge(p.now, peer, 2); err != nil {
		t.Error(err)
	}
	p.want("response", p.take(p.answer(p.challenges()[0])), auth.Good)
	if err := p.v.Challenge(p.now, peer, 2); err != nil {
		t.Errorf("again: %v", err)
	}
	p.want("message meanwhile", p.take(p.send()), auth.Awaiting)
	dry := newPair(t, shaking, auth.VerifierConfig{Entropy: strings.NewReader("short")}, key(t, 1, 0, 0))
	if err := dry.v.Challenge(dry.now, peer, 1); err == nil {
		t.Error("without entropy")
	}
	dry.want("no cookie to be had", dry.take(dry.send()), auth.NoEntropy)
}

// TestAnySender: a key for any sender keeps each sender's numbers apart, within
// the limit; a key for one sender comes first.
func TestAnySender(t *testing.T) {
	common, own := key(t, 1, 0, 0), newKey(t, auth.KeySpec{ID: 1, Algorithm: auth.HMACMD5, Secret: []byte("own")})
	v := auth.NewVerifier(auth.VerifierConfig{Handshakes: auth.Never, Associations: 3})
	if err := errors.Join(v.AddKey(nobody, common), v.AddKey(peer, own)); err != nil {
		t.Fatal(err)
	}
	if err := v.AddKey(peer, own); !errors.Is(err, auth.ErrKeyInUse) {
		t.Error(err)
	}
	verify := func(k *auth.Key, from string, seq uint64) auth.Verdict {
		m := path()
		m.Hop.Addr = netip.MustParseAddr(from)
		m.Integrity, m.NoChecksum = rsvp.Integrity{KeyID: 1, Sequence: seq, Digest: make([]byte, k.Algorithm().Size())}, true
		b, err := m.AppendTo(nil)
		if err := errors.Join(err, auth.SealRSVP(k, b)); err != nil {
			t.Fatal(err)
		}
		if err := m.Decode(b); err != nil {
			t.Fatal(err)
		}
		return v.Verify(epoch, auth.RSVPSigned(&m, b, other))
	}
	for i, tc := range []struct {
		k    *auth.Key
		from string
		seq  uint64
		want auth.Verdict
	}{
		{common, "10.0.0.1", 5, auth.Good}, {common, "10.0.0.2", 3, auth.Good}, {common, "10.0.0.1", 5, auth.Replayed},
		{common, "10.0.1.1", 9, auth.BadDigest}, {own, "10.0.1.1", 9, auth.Good}, {own, "10.0.0.1", 9, auth.BadDigest},
		{common, "10.0.0.3", 9, auth.Full}, {common, "10.0.0.2", 4, auth.Good},
	} {
		if got := verify(tc.k, tc.from, tc.seq); got != tc.want {
			t.Errorf("%d: %v, want %v", i, got, tc.want)
		}
	}
	// With its own key gone, the common one holds for the sender too.
	if err := v.DeleteKey(peer, 1); err != nil {
		t.Fatal(err)
	}
	if got := verify(common, "10.0.1.1", 1); got != auth.Replayed { // numbers are those of (sender, key identifier)
		t.Error(got)
	}
	if err := v.DeleteKey(nobody, 1); err != nil || v.Counters().Associations != 0 {
		t.Errorf("%v %+v", err, v.Counters())
	}
	if err := v.DeleteKey(nobody, 1); !errors.Is(err, auth.ErrNoKey) {
		t.Error(err)
	}
	for i := range auth.MaxKeys {
		if err := v.AddKey(peer, key(t, uint64(i), 0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.AddKey(peer, key(t, 999, 0, 0)); err == nil {
		t.Error("no limit of keys")
	}
}

// TestPrefix: what another protocol puts before its messages counts.
func TestPrefix(t *testing.T) {
	k := key(t, 1, 0, 0)
	v := auth.NewVerifier(auth.VerifierConfig{Handshakes: auth.Never})
	v.AddKey(nobody, k)
	msg := []byte("a message with a digest in it: ................................ and more")
	z := auth.Zeros{{31, 63}}
	digest := k.Digest(nil, []byte("10.0.1.1>10.0.1.2"), msg, z)
	copy(msg[31:], digest)
	s := auth.Signed{Peer: peer, Integrity: rsvp.Integrity{KeyID: 1, Sequence: 1, Digest: digest}, Prefix: []byte("10.0.1.1>10.0.1.2"), Message: msg, Zeros: z}
	if got := v.Verify(epoch, s); got != auth.Good {
		t.Error(got)
	}
	s.Prefix, s.Integrity.Sequence = []byte("10.0.1.2>10.0.1.1"), 2
	if got := v.Verify(epoch, s); got != auth.BadDigest {
		t.Error(got)
	}
}

// TestRollover: a sender goes over to its next key; the receiver shakes hands for
// it when its first message comes, and no message of the old key is lost.
func TestRollover(t *testing.T) {
	p := newPair(t, shaking, auth.VerifierConfig{}, key(t, 1, 0, 100), key(t, 2, 80, 0))
	lost := 0
	for sec := range 200 {
		p.now = at(sec)
		if p.take(p.send()) != auth.Good {
			lost++
		}
		for _, c := range p.challenges() {
			p.want("response", p.take(p.answer(c)), auth.Good)
		}
	}
	if lost != 2 || len(p.v.Snapshot()) != 2 {
		t.Errorf("%d lost, %+v", lost, p.v.Snapshot())
	}
	if c := p.v.Counters(); c.Verdicts[auth.Good] != 200 || c.Challenges != 2 {
		t.Errorf("%+v", c)
	}
}

// TestNoAllocation: signing and verifying allocate nothing in the steady state.
func TestNoAllocation(t *testing.T) {
	p := newPair(t, auth.SignerConfig{}, auth.VerifierConfig{}, key(t, 1, 0, 0))
	m, buf := path(), make([]byte, 0, 512)
	round := func() {
		var err error
		if buf, err = p.s.AppendMessage(p.now, buf[:0], &m); err != nil {
			t.Fatal(err)
		}
		if err := p.m.Decode(buf); err != nil {
			t.Fatal(err)
		}
		if got := p.v.Verify(p.now, auth.RSVPSigned(&p.m, buf, peer)); got != auth.Good {
			t.Fatal(got)
		}
	}
	for range 100 {
		round()
	}
	if n := testing.AllocsPerRun(50, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzVerify: no message panics, none that is not ours is taken, and what was
// taken once is not taken twice.
func FuzzVerify(f *testing.F) {
	s := auth.NewSigner(shaking)
	k := newKey(f, auth.KeySpec{ID: 1, Algorithm: auth.HMACMD5, Secret: []byte("secret")})
	s.AddKey(k)
	m := path()
	b, err := s.AppendMessage(epoch, nil, &m)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	r, err := s.AppendResponse(epoch, nil, rsvp.Challenge{KeyID: 1}, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r)
	f.Fuzz(func(t *testing.T, in []byte) {
		v := auth.NewVerifier(auth.VerifierConfig{Handshakes: auth.Never})
		v.AddKey(nobody, k)
		var m rsvp.Message
		if m.Decode(in) != nil || !m.Has(rsvp.ClassIntegrity) {
			auth.VerifyRSVP(k, in)
			return
		}
		x := auth.RSVPSigned(&m, in, peer)
		first := v.Verify(epoch, x)
		if v.Response(epoch, x, m.Challenge) == auth.Good {
			t.Fatal("a response to nothing")
		}
		if (first == auth.Good) != auth.VerifyRSVP(k, in) && m.Integrity.KeyID == 1 {
			t.Fatalf("%v", first)
		}
		if first == auth.Good && v.Verify(epoch, x) != auth.Replayed {
			t.Fatal("taken twice")
		}
	})
}
