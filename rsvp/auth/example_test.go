package auth_test

import (
	"fmt"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/auth"
)

// A receiver that has just started learns a sender's sequence number by a
// challenge, and then takes its messages, each once.
func Example() {
	now := machine.VirtualEpoch
	key, err := auth.NewKey(auth.KeySpec{ID: 1, Algorithm: auth.HMACSHA256, Secret: []byte("a secret that both have")})
	if err != nil {
		fmt.Println(err)
		return
	}
	signer := auth.NewSigner(auth.SignerConfig{Handshake: true})
	verifier := auth.NewVerifier(auth.VerifierConfig{Entropy: machine.SeededEntropy(1, "example", "auth")})
	if err := signer.AddKey(key); err != nil {
		fmt.Println(err)
		return
	}
	if err := verifier.AddKey(peer, key); err != nil {
		fmt.Println(err)
		return
	}

	var received rsvp.Message
	send := func() []byte {
		m := path()
		b, _ := signer.AppendMessage(now, nil, &m)
		return b
	}
	receive := func(b []byte) auth.Verdict {
		if err := received.Decode(b); err != nil {
			fmt.Println(err)
		}
		s := auth.RSVPSigned(&received, b, peer)
		if received.Type == rsvp.IntegrityResponse {
			return verifier.Response(now, s, received.Challenge)
		}
		return verifier.Verify(now, s)
	}

	fmt.Println(receive(send()))
	out, _ := verifier.Next()
	fmt.Println("challenge to", out.Peer, "for key", out.Challenge.KeyID)
	response, _ := signer.AppendResponse(now, nil, out.Challenge, 255)
	fmt.Println(receive(response))
	message := send()
	fmt.Println(receive(message))
	fmt.Println(receive(message))
	// Output:
	// awaiting
	// challenge to 10.0.1.1 for key 1
	// good
	// good
	// replayed
}
