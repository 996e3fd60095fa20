package auth

import "fmt"

// Policy is what an interface, or a listener, asks of messages.
type Policy uint8

// Policies.
const (
	Off     Policy = iota // nothing is signed; INTEGRITY in what comes in is not looked at
	Accept                // we sign; what comes in signed must be right, what is not signed is taken
	Require               // we sign; what comes in must be signed and right (RFC 2747 section 4)
)

var policyNames = [...]string{"off", "accept", "require"}

// String returns the policy's name.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("policy %d", uint8(p))
}

// ParsePolicy returns the policy of a name.
func ParsePolicy(name string) (Policy, error) {
	for i, n := range policyNames {
		if n == name {
			return Policy(i), nil
		}
	}
	return Off, fmt.Errorf("auth: no policy %q: off, accept or require", name)
}

// Handshakes says with whom a Verifier shakes hands before it takes messages
// (RFC 2747 section 4.3: an administrative decision).
type Handshakes uint8

// Handshakes.
const (
	Willing Handshakes = iota // with senders that set HF; of others the first number that comes is taken
	Never                     // with nobody: the first number that comes is taken
	Always                    // with everybody; senders that do not set HF are refused
)
