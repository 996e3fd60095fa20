//go:build netns

package reference_test

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// patience bounds every wait for what must come.
const patience = 5 * time.Second

// pingID marks the echo requests by which the prober finds out that the host
// has dealt with all that was sent before: frames stay in order on the wire,
// and both hosts deal with a frame before they look at the next one.
const pingID = 0xbea7

// heard is a frame that the prober received.
type heard struct {
	at   time.Time
	data []byte
}

// prober sends exact frames and keeps what comes back. By itself it only
// answers ARP and NDP for its own addresses.
type prober struct {
	link link.Reader
	done chan struct{}
	seq  uint16

	mu      sync.Mutex
	answers map[netip.Addr]inet.MAC // what it answers for; guarded like the rest
	frames  []heard
	sent    [][]byte      // IP packets, for comparison with what errors quote
	more    chan struct{} // closed when a frame is added
	err     error
}

func newProber(l link.Reader) *prober {
	p := &prober{link: l, done: make(chan struct{}), more: make(chan struct{}), answers: make(map[netip.Addr]inet.MAC)}
	for _, a := range []netip.Addr{prober4, prober6, proberLL} {
		p.answers[a] = proberMAC
	}
	for _, f := range families {
		for _, a := range []netip.Addr{f.s1, f.s2, f.s3} {
			p.answers[a] = proberMAC
		}
	}
	go p.read()
	return p
}

func (p *prober) close() {
	_ = p.link.Close()
	<-p.done
}

func (p *prober) read() {
	defer close(p.done)
	buf := make([]byte, 65536)
	for {
		n, err := p.link.Recv(buf)
		if err != nil {
			return
		}
		f := heard{at: time.Now(), data: slices.Clone(buf[:n])}
		p.mu.Lock()
		p.frames = append(p.frames, f)
		close(p.more)
		p.more = make(chan struct{})
		answer := p.answer(f.data)
		p.mu.Unlock()
		if answer != nil {
			_ = p.link.Send(wire.Frame{Data: answer}) // a host that needs it shows in the row
		}
	}
}

// answer returns the answer to an ARP request or a neighbour solicitation for
// one of the prober's addresses, or nil.
func (p *prober) answer(frame []byte) []byte {
	if a, ok := parseARP(frame); ok && a.Op == inet.ARPRequest && a.SenderIP != a.TargetIP {
		if mac, ours := p.answers[a.TargetIP]; ours {
			return arpFrame(mac, a.SenderMAC, inet.ARP{Op: inet.ARPReply, SenderMAC: mac, SenderIP: a.TargetIP,
				TargetMAC: a.SenderMAC, TargetIP: a.SenderIP})
		}
	}
	if h, ns, ok := parseNS(frame); ok && !h.Src.IsUnspecified() {
		if mac, ours := p.answers[ns.Target]; ours {
			return naFrame(mac, hostMAC, ns.Target, h.Src, inet.NeighborAdvertisement{Solicited: true, Override: true,
				Target: ns.Target, LinkAddr: mac, HasLinkAddr: true})
		}
	}
	return nil
}

// answerFor makes the prober answer ARP and NDP for an address, or stop to.
func (p *prober) answerFor(a netip.Addr, mac inet.MAC) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if mac.IsZero() {
		delete(p.answers, a)
		return
	}
	p.answers[a] = mac
}

// send puts a frame on the wire.
func (p *prober) send(frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(frame) > inet.HeaderLenEthernet {
		p.sent = append(p.sent, frame[inet.HeaderLenEthernet:])
	}
	if err := p.link.Send(wire.Frame{Data: frame}); err != nil && p.err == nil {
		p.err = err
	}
}

// mark returns the place in the record that the next frame gets.
func (p *prober) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.frames)
}

// since returns what came after a mark.
func (p *prober) since(mark int) []heard {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.frames[mark:])
}

// quotable returns the packets sent so far.
func (p *prober) quotable() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// await waits until a frame after the mark is what is wanted, or the time is
// up.
func (p *prober) await(mark int, limit time.Duration, want func([]byte) bool) bool {
	expired := time.After(limit)
	for {
		p.mu.Lock()
		fresh, more := p.frames[mark:], p.more
		p.mu.Unlock()
		for _, f := range fresh {
			if want(f.data) {
				return true
			}
		}
		mark += len(fresh)
		select {
		case <-more:
		case <-expired:
			return false
		}
	}
}

// watch lets time pass.
func (p *prober) watch(d time.Duration) { <-time.After(d) }

// ping sends an echo request of its own and waits for the reply.
func (p *prober) ping(src, dst netip.Addr, limit time.Duration) bool {
	p.seq++
	seq, mark := p.seq, p.mark()
	_ = p.link.Send(wire.Frame{Data: echoFrame(src, dst, pingID, seq, nil)})
	return p.await(mark, limit, func(frame []byte) bool {
		id, n, ok := parseEchoReply(frame)
		return ok && id == pingID && n == seq
	})
}

var errSilent = errors.New("the host no longer answers the echo request that ends a row")

// barrier waits until the host has dealt with all that was sent.
func (b *bed) barrier() {
	if !b.ping(prober4, host4, patience) {
		b.fail(errSilent)
	}
	b.check(b.prober.err)
}
