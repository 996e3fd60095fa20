package mpj

// rootFamily is the lifetime of an association whose leaf is the peer: the
// root answers HELLO and gives up a leaf that is silent for the hold time
// that it was told last (docs/mpj.md, Liveness).
var rootFamily = newFamily(2, "root", lifetimeStates, lifetimeRows(), rows{
	{stateMember, evHELLO}: {to: stateMember, do: doHelloAck,
		reason: "the leaf is there"},
})
