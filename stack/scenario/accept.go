package scenario

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/mpstack/mpstack/stack"
	"github.com/mpstack/mpstack/stack/winsock"
)

// isDue reports whether a deferred request is to be decided now.
func (s *socket) isDue() bool {
	r := s.node.r
	r.drv.Lock()
	defer r.drv.Unlock()
	return s.deferred != 0 && s.deferred <= r.drv.Now()
}

// acceptAll takes every join request that waits.
func (s *socket) acceptAll() {
	for {
		a := asked{s: s}
		leaf, err := s.s.Accept(a.decide)
		switch {
		case err == nil:
			a.admitted(leaf)
		case errors.Is(err, winsock.WSAECONNREFUSED):
			a.tell("turns %s down%s", a.peer(), quoted(" with callee data ", a.callee))
		case errors.Is(err, winsock.WSATRY_AGAIN):
			a.tell("lets %s wait", a.peer())
			return
		case errors.Is(err, winsock.WSAEWOULDBLOCK):
			return
		case errors.Is(err, winsock.WSAEACCES):
			a.tell("finds the request of %s gone", a.peer())
		case errors.Is(err, winsock.WSAECONNABORTED):
			a.tell("cannot admit %s, which has no room for the callee data", a.peer())
		default:
			if s.watched() {
				a.tell("cannot admit anybody: %v", err)
			}
			return
		}
	}
}

// asked is one run of a listening socket's condition function.
type asked struct {
	s      *socket
	from   netip.AddrPort
	caller []byte
	callee []byte
}

func (a *asked) tell(format string, args ...any) {
	r := a.s.node.r
	r.locked(func() { r.tell(EntryCall, a.s.node.def.Name, false, a.s.name+" "+format, args...) })
}

// peer returns who asks.
func (a *asked) peer() string {
	if !a.from.IsValid() {
		return "a caller"
	}
	return a.s.node.r.nodeOf(a.from.Addr())
}

// decide is the condition function.
func (a *asked) decide(q *stack.Request) int {
	r := a.s.node.r
	a.from, a.caller = q.CallerID, q.CallerData
	rule := a.rule()
	verdict := winsock.CF_ACCEPT
	r.locked(func() {
		due := a.s.deferred != 0 && a.s.deferred <= r.drv.Now()
		if rule.Verdict == VerdictDefer && !due {
			a.s.deferred = r.drv.Now().Add(rule.Delay)
			verdict = winsock.CF_DEFER
			return
		}
		a.s.deferred = 0
		if rule.Caller != nil {
			r.check(a.s.node.def.Name, q.CallerData != nil && string(q.CallerData) == *rule.Caller,
				fmt.Sprintf("%q", q.CallerData), "%s asks with caller data %q", a.peer(), *rule.Caller)
		}
	})
	if verdict == winsock.CF_DEFER {
		return verdict
	}
	if rule.Callee != nil {
		a.callee = []byte(*rule.Callee)
		q.CalleeData = a.callee
	}
	if rule.Verdict == VerdictReject {
		return winsock.CF_REJECT
	}
	if rule.Lower != nil && q.SQOS != nil {
		rule.Lower.apply(&q.SQOS.Receiving)
	}
	return verdict
}

// rule returns the first accept rule that fits.
func (a *asked) rule() Accept {
	for _, rule := range a.s.accept {
		if rule.From == "" || rule.From == a.peer() {
			return rule
		}
	}
	return Accept{}
}

// admitted takes the accepted socket into the node.
func (a *asked) admitted(leaf *stack.Socket) {
	made := a.s.node.add(&socket{
		name: a.s.name + "@" + a.peer(), entry: a.s.entry, s: leaf, made: true, events: true,
	})
	a.tell("admits %s as %s%s%s", a.peer(), made.name, quoted(": caller data ", a.caller), quoted(", callee data ", a.callee))
}

// quoted returns the words and the data, nothing where there is none.
func quoted(words string, data []byte) string {
	if data == nil {
		return ""
	}
	return fmt.Sprintf("%s%q", words, data)
}
