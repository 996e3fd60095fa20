package rsvp

import "fmt"

// Class is an object's Class-Num (RFC 2205 Appendix A).
type Class uint8

// Classes of RFC 2205.
const (
	ClassNull           Class = 0
	ClassSession        Class = 1
	ClassHop            Class = 3
	ClassIntegrity      Class = 4
	ClassTimeValues     Class = 5
	ClassErrorSpec      Class = 6
	ClassScope          Class = 7
	ClassStyle          Class = 8
	ClassFlowSpec       Class = 9
	ClassFilterSpec     Class = 10
	ClassSenderTemplate Class = 11
	ClassSenderTSpec    Class = 12
	ClassAdSpec         Class = 13
	ClassPolicyData     Class = 14
	ClassResvConfirm    Class = 15
)

// String returns the class's name in capitals, as the RFC writes it.
func (c Class) String() string {
	if n := Classes[c].Name; n != "" {
		return n
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Known reports whether the class is in the registry.
func (c Class) Known() bool { return Classes[c].Name != "" }

// MessageSet is a set of typed message types.
type MessageSet uint8

// Has reports whether t is in s.
func (s MessageSet) Has(t MessageType) bool { return t.Typed() && s&(1<<t) != 0 }

// Sets of messages that the registry uses.
const (
	inPath     MessageSet = 1 << Path
	inResv     MessageSet = 1 << Resv
	inPathErr  MessageSet = 1 << PathErr
	inResvErr  MessageSet = 1 << ResvErr
	inPathTear MessageSet = 1 << PathTear
	inResvTear MessageSet = 1 << ResvTear
	inResvConf MessageSet = 1 << ResvConf

	inAll    = inPath | inResv | inPathErr | inResvErr | inPathTear | inResvTear | inResvConf
	inSender = inPath | inPathErr | inPathTear
	inFlows  = inResv | inResvErr | inResvTear | inResvConf
)
