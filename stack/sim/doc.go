// Package sim runs many stacks in one process in virtual time: the virtual
// driver of package stack. Application code runs as coroutines, so a blocking
// call yields to the scheduler; everything is single-threaded, and the same
// inputs and seed give the same frames at the same instants.
//
//	w := sim.New(sim.Config{})
//	seg := w.Segment(mem.Config{Name: "lan", Delay: time.Millisecond})
//	a, err := stack.New(stack.Config{Name: "a", Driver: w.Driver(), Seed: 1, Entropy: machine.SeededEntropy(1, "a", "entropy")})
//	_, err = a.AddPort(seg.Port("a/eth0", mac), …)
//	w.Go("client", func() { … a.Socket(…) … })
//	err = w.Run(time.Minute)
//
// A world goes on where Run and Settle stop: tests look at it in between.
//
// Not for: real interfaces, or code that starts goroutines of its own.
package sim
