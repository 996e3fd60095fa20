package mpj

// leafFamily is the lifetime of an association whose root is the peer: the
// leaf sends HELLO, takes over the timers that HELLO-ACK brings, and gives up
// a root that is silent for the hold time (docs/mpj.md, Liveness).
var leafFamily = newFamily(3, "leaf", lifetimeStates, lifetimeRows(), rows{
	{stateMember, evHello}: {to: stateMember, do: doHello,
		reason: "the interval is over"},
	{stateMember, evHELLOACK}: {to: stateMember, do: doAdopt,
		reason: "the root is there"},
})
