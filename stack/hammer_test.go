package stack_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/link/mem"
	"github.com/mpstack/mpstack/stack/sim"
	"github.com/mpstack/mpstack/stack/winsock"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// hammer is many goroutines at work on two stacks. Its calls may fail in every
// way that Winsock knows, and in no other; nothing may be left of them.
type hammer struct {
	t          testing.TB
	root, leaf *stack.Stack
	sleep      func(time.Duration)
	team       func() team

	mu      sync.Mutex
	stopped bool
	codes   map[winsock.Errno]int
	done    map[string]int // calls that succeeded
}

// team runs functions side by side: goroutines, or applications of a world.
type team interface {
	Go(f func())
	Wait()
}

const (
	hammerSteps  = 60
	hammerLeaves = 6
)

// TestHammer: join, leave, send, close and events from many goroutines, for a
// bounded number of steps, in real time: nothing is left.
func TestHammer(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t)
				h := &hammer{t: t, root: p.root, leaf: p.leaf, sleep: time.Sleep, team: func() team { return &sync.WaitGroup{} }}
				h.run(seed)
				p.close()
				h.check()
			})
		})
	}
}

// TestHammerTwice: the same in virtual time, where it must come out the same
// each time, frame by frame: no map's order, nor anything else that is not the
// seed's, reaches the wire or an outcome.
func TestHammerTwice(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			first, outcome := simHammer(t, seed)
			again, same := simHammer(t, seed)
			if first != again || outcome != same {
				t.Errorf("two runs differ:\n%s\n%s", outcome, same)
			}
		})
	}
}

// simHammer returns the frames and the outcome of a hammer in virtual time.
func simHammer(t *testing.T, seed uint64) (frames, outcome string) {
	var log strings.Builder
	w := sim.New(sim.Config{Tap: func(f wire.Frame) { fmt.Fprintf(&log, "%v %s %x\n", f.At, f.Port, f.Data) }})
	seg := w.Segment(mem.Config{Name: "lan", Delay: time.Millisecond})
	var hosts []*stack.Stack
	for i, name := range []string{"root", "leaf"} {
		st := must(stack.New(stack.Config{
			Name: name, Driver: w.Driver(), Seed: seed + 1, Entropy: machine.SeededEntropy(seed, name, "entropy"), Refresh: time.Second,
		}))
		addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})
		must(st.AddPort(seg.Port(name+"/eth0", inet.MAC{2, 0, 0, 0, 0, byte(i + 1)}), netip.PrefixFrom(addr, 24)))
		hosts = append(hosts, st)
	}
	h := &hammer{t: t, root: hosts[0], leaf: hosts[1], sleep: w.Sleep, team: func() team { return &simTeam{w: w} }}
	w.Go("hammer", func() { h.run(seed) })
	ok(w.Run(24 * time.Hour))
	w.Settle(restsIn)
	for _, st := range hosts {
		if !st.Quiet() {
			t.Errorf("%s is not quiet: %v", st.Name(), st.Counters())
		}
	}
	h.check()
	return log.String(), fmt.Sprint(h.done, h.codes, hosts[0].Counters(), hosts[1].Counters())
}

// simTeam is a team of applications.
type simTeam struct {
	w    *sim.World
	busy int
}

func (m *simTeam) Go(f func()) {
	m.busy++
	m.w.Go("member", func() {
		f()
		m.busy--
	})
}

func (m *simTeam) Wait() { m.w.Wait(func() bool { return m.busy == 0 }, 0) }

// run lets everybody work and returns when all are done.
func (h *hammer) run(seed uint64) {
	h.codes, h.done = map[winsock.Errno]int{}, map[string]int{}
	roots, leaves := h.team(), h.team()
	for i := range 2 {
		name := netip.AddrPortFrom(pairRoot.Addr(), uint16(5000+i))
		roots.Go(func() { h.runRoot(machine.Rand(seed, fmt.Sprint("root", i), "hammer"), name) })
	}
	for i := range hammerLeaves {
		leaves.Go(func() { h.runLeaf(machine.Rand(seed, fmt.Sprint("leaf", i), "hammer"), uint16(7000+i)) })
	}
	leaves.Wait()
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	roots.Wait()
}

// check checks that the work was some.
func (h *hammer) check() {
	for _, call := range []string{"join", "accept", "invited", "invite", "send", "receive", "close", "events", "qos", "group"} {
		if h.done[call] == 0 {
			h.t.Errorf("no %s ever succeeded: %v, %v", call, h.done, h.codes)
		}
	}
	if testing.Verbose() {
		h.t.Logf("%v, %v", h.done, h.codes)
	}
}

// note counts the outcome of a call.
func (h *hammer) note(call string, err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.done[call]++
		return true
	}
	e, is := errors.AsType[*stack.Error](err)
	if !is || e.Code == 0 || e.Code.Name() == "" {
		h.t.Errorf("%s: %v is no Winsock error", call, err)
		return false
	}
	h.codes[e.Code]++
	return false
}

func (h *hammer) isStopped() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stopped
}

// runRoot opens sessions, one after the other, until it is stopped.
func (h *hammer) runRoot(r *rand.Rand, name netip.AddrPort) {
	for !h.isStopped() {
		h.session(r, name)
	}
}

// session is the life of one root's session: several goroutines admit, invite
// and send until it is closed under them.
func (h *hammer) session(r *rand.Rand, name netip.AddrPort) {
	s := must(h.root.Socket(stack.MPJIPv4, cRoot))
	if r.IntN(2) == 0 {
		h.note("qos", s.SetQOS(sendControlledLoad(1000+uint32(r.IntN(1000)))))
	}
	if !h.note("bind", s.Bind(name)) || !h.note("listen", s.Listen(1+r.IntN(4))) {
		ok(s.Close())
		return
	}
	wg := h.team()
	seeds := [...]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
	for _, seed := range seeds[:2] {
		wg.Go(func() { h.admit(rand.New(rand.NewPCG(seed, 1)), s) })
	}
	wg.Go(func() { h.inviteAll(rand.New(rand.NewPCG(seeds[2], 1)), s) })
	wg.Go(func() { h.talk(rand.New(rand.NewPCG(seeds[3], 1)), s, 40) })
	h.sleep(time.Duration(1+r.IntN(20_000)) * time.Millisecond)
	h.note("close", s.Close())
	wg.Wait()
}

// over reports whether a call failed because its socket was closed.
func over(err error) bool {
	return errors.Is(err, winsock.WSAEINTR) || errors.Is(err, winsock.WSAENOTSOCK) || errors.Is(err, winsock.WSAEINVAL)
}

// admit accepts until the root is closed.
func (h *hammer) admit(r *rand.Rand, s *stack.Socket) {
	for {
		leaf, err := s.Accept(func(q *stack.Request) int {
			h.sleep(time.Duration(r.IntN(300)) * time.Millisecond)
			q.CalleeData = make([]byte, r.IntN(8))
			return [...]int{winsock.CF_ACCEPT, winsock.CF_ACCEPT, winsock.CF_ACCEPT, winsock.CF_REJECT, winsock.CF_DEFER}[r.IntN(5)]
		})
		if h.note("accept", err) {
			h.watch(r, leaf)
		} else if over(err) {
			return
		}
	}
}

// watch keeps a root's socket for a leaf for a while, or until it is over.
func (h *hammer) watch(r *rand.Rand, leaf *stack.Socket) {
	if r.IntN(3) > 0 {
		leaf.Wait(time.Duration(1+r.IntN(2000)) * time.Millisecond)
	}
	h.note("close", leaf.Close())
}

// inviteAll invites leaves until the root is closed.
func (h *hammer) inviteAll(r *rand.Rand, s *stack.Socket) {
	for {
		name := netip.AddrPortFrom(pairLeaf.Addr(), uint16(7000+r.IntN(hammerLeaves)))
		leaf, err := s.JoinLeaf(stack.Join{Name: name, Flags: winsock.JL_BOTH})
		if h.note("invite", err) {
			h.watch(r, leaf)
		} else if over(err) {
			return
		}
		h.sleep(time.Duration(r.IntN(500)) * time.Millisecond)
	}
}

// runLeaf makes sockets of every kind and uses them.
func (h *hammer) runLeaf(r *rand.Rand, port uint16) {
	for range hammerSteps {
		switch r.IntN(5) {
		case 0:
			h.member(r)
		case 1:
			h.invited(r, port)
		default:
			h.joins(r)
		}
	}
}

// joins joins a root, blocking or not, with a bystander who may close the
// socket at any time.
func (h *hammer) joins(r *rand.Rand) {
	s := must(h.leaf.Socket(stack.MPJIPv4, cLeaf))
	wg := h.team()
	if r.IntN(3) == 0 {
		after := time.Duration(r.IntN(2000)) * time.Millisecond
		wg.Go(func() {
			h.sleep(after)
			h.note("close", s.Close())
		})
	}
	name := netip.AddrPortFrom(pairRoot.Addr(), uint16(5000+r.IntN(3)))
	j := stack.Join{Name: name, CallerData: make([]byte, r.IntN(10)), Flags: winsock.JL_BOTH}
	if r.IntN(2) == 0 {
		j.CalleeData = &stack.WSABuf{Len: uint32(r.IntN(8)), Buf: make([]byte, 8)}
	}
	if r.IntN(2) == 0 {
		q := receiveControlledLoad()
		j.SQOS = &q
	}
	var err error
	if r.IntN(2) == 0 {
		_, err = s.JoinLeaf(j)
	} else {
		err = h.joinByEvents(s, j)
	}
	if h.note("join", err) {
		h.talk(r, s, r.IntN(6))
	}
	h.note("close", s.Close())
	wg.Wait()
}

// joinByEvents joins without blocking and waits for FD_CONNECT.
func (h *hammer) joinByEvents(s *stack.Socket, j stack.Join) error {
	e := h.leaf.NewEvent()
	if err := s.EventSelect(e, winsock.FD_ALL_EVENTS); err != nil {
		return err
	}
	if _, err := s.JoinLeaf(j); err != nil {
		return err
	}
	for {
		if _, err := h.leaf.WaitForMultipleEvents(time.Minute, e); err != nil {
			return err // closed meanwhile: nothing is posted (W17)
		}
		got, err := s.EnumNetworkEvents(e)
		if !h.note("events", err) {
			return err
		}
		if got.Events&winsock.FD_CONNECT != 0 {
			if code := got.Code(winsock.FD_CONNECT); code != 0 {
				return &stack.Error{Call: "FD_CONNECT", Code: code}
			}
			return nil
		}
	}
}

// invited listens for a root's invitation for a while.
func (h *hammer) invited(r *rand.Rand, port uint16) {
	s := must(h.leaf.Socket(stack.MPJIPv4, cLeaf))
	if !h.note("bind", s.Bind(netip.AddrPortFrom(pairLeaf.Addr(), port))) || !h.note("listen", s.Listen(2)) {
		ok(s.Close())
		return
	}
	after := time.Duration(1+r.IntN(3000)) * time.Millisecond
	wg := h.team()
	wg.Go(func() {
		h.sleep(after)
		h.note("close", s.Close())
	})
	for {
		member, err := s.Accept(nil)
		if h.note("invited", err) {
			h.talk(r, member, r.IntN(4))
			h.note("close", member.Close())
		} else if over(err) {
			break
		}
	}
	wg.Wait()
}

// member joins a group and speaks there.
func (h *hammer) member(r *rand.Rand) {
	s := must(h.leaf.Socket(stack.UDPIPv4, cLeaf))
	q := sendControlledLoad(1000)
	q.Receiving.ServiceType = winsock.SERVICETYPE_CONTROLLEDLOAD
	_, err := s.JoinLeaf(stack.Join{Name: pairGroup, SQOS: &q, Flags: winsock.JL_BOTH})
	if h.note("group", err) {
		h.talk(r, s, r.IntN(6))
	}
	h.note("close", s.Close())
}

// talk sends, receives, and looks at the socket in other ways.
func (h *hammer) talk(r *rand.Rand, s *stack.Socket, steps int) {
	b := make([]byte, 100)
	for range steps {
		var err error
		switch r.IntN(5) {
		case 0:
			_, err = s.Send(b[:r.IntN(100)])
			h.note("send", err)
		case 1:
			_, _, err = s.RecvFrom(b, time.Duration(1+r.IntN(200))*time.Millisecond)
			h.note("receive", err)
		case 2:
			_, err = s.GetQOS()
			h.note("status", err)
		case 3:
			h.note("qos", s.SetQOS(receiveControlledLoad()))
		default:
			_, err = s.PeerAddr()
			h.note("peer", err)
			s.Wait(time.Duration(1+r.IntN(100)) * time.Millisecond)
		}
		if over(err) {
			return
		}
	}
}
