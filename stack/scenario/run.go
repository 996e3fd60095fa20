package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/wire"
)

// Substrates.
const (
	OnMem   = "mem"
	OnNetns = "netns"
)

// Bounds of what is waited for.
const (
	defaultWithin = 10 * time.Second
	joinWithin    = 40 * time.Second // the join protocol gives up after 30 s
	acceptBacklog = 8
)

// Options of Run. The zero value runs on mem with the scenario's own seed.
type Options struct {
	On    string           // OnMem or OnNetns; empty is OnMem
	Seed  *uint64          // replaces the scenario's
	Line  func(Entry)      // sees each timeline entry as it happens; may be nil
	Frame func(wire.Frame) // sees each frame as it is captured, its bytes valid during the call; may be nil
}

// substrate is where the nodes of a scenario live.
type substrate interface {
	// driver gives the runner its time, its lock and its way to wait.
	driver() stack.Driver
	// build makes the nodes; r.saw is to see each frame once.
	build(r *runner) error
	// run calls conduct as an application and returns when it and everything
	// that spawn started have ended. When ctx is done it makes r stop.
	run(ctx context.Context, r *runner, conduct func()) error
	// spawn starts fn as an application of its own.
	spawn(name string, fn func())
	// setLink takes a port up or down.
	setLink(n *node, port int, up bool) error
	// rest waits, in an application, until nothing happens any more, and
	// returns what is left then.
	rest(r *runner) []string
	// close gives everything back.
	close() error
}

// Run runs the scenario and returns what came of it: a failed expectation is
// not an error but part of the result. The error says why the scenario could
// not run, or that ctx ended it; what happened until then is in the result,
// which is nil only where nothing ran at all.
func Run(ctx context.Context, sc *Scenario, o Options) (*Result, error) {
	if err := sc.Check(); err != nil {
		return nil, err
	}
	if o.On == "" {
		o.On = OnMem
	}
	seed := sc.Seed
	if o.Seed != nil {
		seed = *o.Seed
	}
	var sub substrate
	switch o.On {
	case OnMem:
		sub = newMem()
	case OnNetns:
		sub = newNetns()
	default:
		return nil, fmt.Errorf("scenario: no substrate %q; there are %s and %s", o.On, OnMem, OnNetns)
	}
	r := &runner{sc: sc, opt: o, seed: seed, sub: sub, drv: sub.driver(), ctx: ctx, told: make(map[string]bool)}
	r.res = &Result{Scenario: sc, On: o.On, Seed: seed, Start: r.drv.Now()}
	if err := sub.build(r); err != nil {
		r.shut()
		return nil, errors.Join(fmt.Errorf("scenario %s on %s: %w", sc.Name, o.On, err), sub.close())
	}
	err := sub.run(ctx, r, r.conduct)
	r.finish()
	if err == nil {
		err = context.Cause(ctx)
	}
	return r.res, errors.Join(err, sub.close())
}

// runner is one run. Its driver's lock guards what it knows; no stack is
// called with the lock held, because stacks call saw.
type runner struct {
	sc    *Scenario
	opt   Options
	seed  uint64
	sub   substrate
	drv   stack.Driver
	nodes []*node
	res   *Result

	step     int // index of the step that runs
	stopped  bool
	sessions []session
	told     map[string]bool // wire entries that were made
	watch    watch
	ctx      context.Context
	sockets  uint32 // numbers given out
}

// session is what the wire showed of a root's session.
type session struct{ root, group netip.AddrPort }

// locked runs fn with the runner's lock, and makes waiting applications look
// again.
func (r *runner) locked(fn func()) {
	r.drv.Lock()
	fn()
	r.drv.Changed()
	r.drv.Unlock()
}

// await blocks until cond, which is called with the lock held, is true, for at
// most d. It reports whether it is.
func (r *runner) await(cond func() bool, d time.Duration) bool {
	r.drv.Lock()
	defer r.drv.Unlock()
	r.drv.Wait(func() bool { return r.stopped || cond() }, max(d, time.Nanosecond))
	return cond()
}

// sleep lets d pass, less where the run is stopped.
func (r *runner) sleep(d time.Duration) {
	r.await(func() bool { return false }, d)
}

// stop ends the run: waits and blocking calls end.
func (r *runner) stop() {
	r.locked(func() { r.stopped = true })
	r.shut()
}

// shut closes every stack.
func (r *runner) shut() {
	for _, n := range r.nodes {
		n.close()
	}
}

func (r *runner) isStopped() bool {
	r.drv.Lock()
	defer r.drv.Unlock()
	return r.stopped || r.ctx.Err() != nil
}

// conduct runs the steps, lets the network come to rest and closes the nodes.
func (r *runner) conduct() {
	for _, n := range r.nodes {
		n.start()
	}
	ran := 0
	for i := range r.sc.Steps {
		if r.isStopped() {
			break
		}
		r.locked(func() { r.step = i })
		if err := r.do(&r.sc.Steps[i]); err != nil {
			r.failStep(i, err)
			break
		}
		ran++
	}
	if ran < len(r.sc.Steps) {
		r.locked(func() {
			r.find("%d of %d steps were run", ran, len(r.sc.Steps))
		})
	}
	if !r.isStopped() {
		left := r.sub.rest(r)
		r.locked(func() {
			for _, l := range left {
				r.find("left at the end: %s", l)
			}
		})
	}
	r.locked(func() { r.res.End = r.drv.Now() })
	r.shut()
}

// failStep notes a step whose call failed.
func (r *runner) failStep(i int, err error) {
	s := &r.sc.Steps[i]
	r.locked(func() {
		if !r.stopped {
			r.tell(EntryCall, s.On, true, "%v", err)
			r.find("%s%v", r.where(i), err)
		}
	})
}

// where returns a step's place in its file: "demo.yaml:12: ".
func (r *runner) where(step int) string {
	if at, ok := r.sc.at[fmt.Sprintf("steps[%d]", step)]; ok {
		return fmt.Sprintf("%s:%d: ", r.sc.file, at.line)
	}
	return fmt.Sprintf("step %d: ", step+1)
}

// find notes a finding. The lock is held.
func (r *runner) find(format string, args ...any) {
	r.res.Findings = append(r.res.Findings, fmt.Sprintf(format, args...))
}

// tell adds a timeline entry. The lock is held.
func (r *runner) tell(kind, node string, bad bool, format string, args ...any) {
	e := Entry{At: r.drv.Now(), Kind: kind, Node: node, Text: fmt.Sprintf(format, args...), Bad: bad}
	r.entry(e)
}

func (r *runner) entry(e Entry) {
	r.res.Timeline = append(r.res.Timeline, e)
	if r.opt.Line != nil {
		r.opt.Line(e)
	}
}

// check notes the outcome of an expectation. The lock is held.
func (r *runner) check(node string, ok bool, got, format string, args ...any) {
	c := Check{At: r.drv.Now(), Step: r.step, Node: node, Text: fmt.Sprintf(format, args...), OK: ok}
	if !ok {
		c.Got = got
	}
	r.res.Checks = append(r.res.Checks, c)
	text := "as expected, " + c.Text
	if !ok {
		text = "NOT as expected: " + c.Text + "; got " + got
	}
	r.tell(EntryCheck, node, !ok, "%s", text)
}

// finish fills in what is known at the end.
func (r *runner) finish() {
	if r.res.End == 0 {
		r.res.End = r.drv.Now()
	}
	slices.SortStableFunc(r.res.Frames, func(a, b wire.Frame) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(r.res.Timeline, func(a, b Entry) int { return cmp.Compare(a.At, b.At) })
	for _, n := range r.nodes {
		for _, s := range n.sockets {
			r.res.Sockets = append(r.res.Sockets, s.result())
			if s.tally.Foreign > 0 || s.tally.Duplicated > 0 {
				r.find("%s received %d datagrams twice and %d that nobody sent", s, s.tally.Duplicated, s.tally.Foreign)
			}
		}
		if n.st != nil {
			r.res.Counters = append(r.res.Counters, NodeCounters{Node: n.def.Name, Counters: n.st.Counters()})
		}
	}
	for i, left := range r.watch.faultsLeft() {
		if left {
			f := r.sc.Faults[i]
			r.find("the fault %q on link %s met no frame to drop", f.Drop, f.Link)
		}
	}
}

// nodeOf returns the name of the node that has the address, or the address.
func (r *runner) nodeOf(a netip.Addr) string {
	for _, n := range r.nodes {
		if n.has(a) {
			return n.def.Name
		}
	}
	return a.String()
}

func (n *node) has(a netip.Addr) bool {
	for _, p := range n.def.Ports {
		for _, q := range p.Addrs {
			if q.Addr() == a.WithZone("") {
				return true
			}
		}
	}
	return false
}

func (r *runner) node(name string) *node { return r.nodes[r.sc.nodeIndex(name)] }
