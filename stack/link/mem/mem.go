package mem

import (
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/inet"
)

// Defaults of Config.
const (
	DefaultMTU      = 1500
	DefaultInFlight = 16_384
)

// Config describes a segment. The zero value is a segment of MTU 1500 without
// delay.
type Config struct {
	Name     string           // for messages
	Delay    time.Duration    // time from a frame's last bit to its arrival
	MTU      int              // greatest IP packet in bytes; 0 means DefaultMTU
	Rate     uint64           // bits per second at which each port sends; 0 means no limit
	InFlight int              // frames of one port on their way at a time; 0 means DefaultInFlight
	Fault    link.Fault       // decides about each frame; may be nil
	Tap      func(wire.Frame) // sees each frame once, at its sender's port, with its fate; may be nil
}

// PortID names a port of one segment. Ports count from 1; 0 is no port.
type PortID int

// Delivery is a frame that arrives at a port.
type Delivery struct {
	Port  PortID
	Frame wire.Frame // Dir in, At the instant of arrival, Cause as sent
}

// Counters of a segment. Each frame that HandleSend takes raises exactly one of
// Carried, Faulted, PortDown, Oversize, Runt, QueueFull and NoPort.
type Counters struct {
	Carried   uint64 // frames set on their way
	Faulted   uint64 // dropped by Config.Fault
	PortDown  uint64 // sent on a port that is down
	Oversize  uint64 // longer than the MTU allows
	Runt      uint64 // shorter than an Ethernet header
	QueueFull uint64 // more than Config.InFlight on their way
	NoPort    uint64 // sent on a port that does not exist

	Delivered    uint64 // deliveries handed out by Next
	ReceiverDown uint64 // deliveries lost because the receiving port is down
}

type port struct {
	info     link.Info
	down     bool
	free     machine.Time // when the sender has sent what it took
	inFlight int
}

// flight is a frame on its way. Its memory is reused.
type flight struct {
	data  []byte
	from  PortID
	at    machine.Time // arrival
	cause machine.Cause
}

// Segment is a broadcast Ethernet segment. Make one with New.
type Segment struct {
	cfg      Config
	clock    machine.Clock
	ports    []port // index PortID-1
	stations map[inet.MAC][]PortID
	counters Counters

	flights []flight
	free    []int // indexes of flights that are unused
	timers  machine.Timers[int]
	arrived machine.Queue[int]

	cur      int      // the flight that Next hands out; -1 is none
	targets  []PortID // ports that own its destination; nil means all
	nextPort int      // index in targets, or of the next port
	out      Delivery
}

// New returns a segment without ports.
func New(cfg Config) *Segment {
	if cfg.MTU <= 0 {
		cfg.MTU = DefaultMTU
	}
	if cfg.InFlight <= 0 {
		cfg.InFlight = DefaultInFlight
	}
	cfg.Delay = max(cfg.Delay, 0)
	return &Segment{cfg: cfg, stations: make(map[inet.MAC][]PortID), cur: -1}
}

// Attach adds a port and gives its number. The name is "node/port"; it appears
// in Frame.Port. The port is up.
func (s *Segment) Attach(name string, mac inet.MAC) PortID {
	s.ports = append(s.ports, port{info: link.Info{Port: name, MAC: mac, MTU: s.cfg.MTU}})
	id := PortID(len(s.ports))
	s.AddMAC(id, mac)
	return id
}

// AddMAC makes unicast for mac go to port id too. An address may belong to
// several ports; each of them gets its frames.
func (s *Segment) AddMAC(id PortID, mac inet.MAC) {
	if s.port(id) == nil || mac.IsMulticast() {
		return
	}
	for _, have := range s.stations[mac] {
		if have == id {
			return
		}
	}
	s.stations[mac] = append(s.stations[mac], id)
}

// SetFault replaces Config.Fault for the frames that are sent from now on.
func (s *Segment) SetFault(f link.Fault) { s.cfg.Fault = f }

// Name returns Config.Name.
func (s *Segment) Name() string { return s.cfg.Name }

// Ports returns how many ports are attached; they are numbered from 1 on.
func (s *Segment) Ports() int { return len(s.ports) }

// Info describes port id. It is zero for a port that does not exist.
func (s *Segment) Info(id PortID) link.Info {
	if p := s.port(id); p != nil {
		return p.info
	}
	return link.Info{}
}

// Counters returns what was counted so far.
func (s *Segment) Counters() Counters { return s.counters }

func (s *Segment) port(id PortID) *port {
	if id < 1 || int(id) > len(s.ports) {
		return nil
	}
	return &s.ports[id-1]
}

// SetLink takes port id up or down. A port that is down neither sends nor
// receives; what is on its way to it when it arrives is lost.
func (s *Segment) SetLink(now machine.Time, id PortID, up bool) {
	s.clock.At(now)
	if p := s.port(id); p != nil {
		p.down = !up
	}
}

// HandleSend takes a frame that port id sends. f.Data is copied; of the rest of
// f only Cause is used.
func (s *Segment) HandleSend(now machine.Time, id PortID, f wire.Frame) {
	now = s.clock.At(now)
	p := s.port(id)
	if p == nil {
		s.counters.NoPort++
		return
	}
	f.At, f.Port, f.Dir, f.Fate = now, p.info.Port, wire.DirOut, ""
	f.Fate = s.judge(now, p, f)
	if s.cfg.Tap != nil {
		s.cfg.Tap(f)
	}
	if f.Fate == "" {
		s.launch(now, id, p, f)
	}
}

// judge returns the fate of a frame that is not carried, or "". What a
// port or the limits refuse never reaches the fault.
func (s *Segment) judge(now machine.Time, p *port, f wire.Frame) string {
	switch {
	case p.down:
		s.counters.PortDown++
		return link.FatePortDown
	case len(f.Data) < inet.HeaderLenEthernet:
		s.counters.Runt++
		return link.FateRunt
	case len(f.Data) > s.cfg.MTU+inet.HeaderLenEthernet:
		s.counters.Oversize++
		return link.FateOversize
	case p.inFlight >= s.cfg.InFlight:
		s.counters.QueueFull++
		return link.FateQueueFull
	}
	if s.cfg.Fault == nil {
		return ""
	}
	v := s.cfg.Fault.Apply(now, f)
	if !v.Drop {
		return ""
	}
	s.counters.Faulted++
	if v.Fate == "" {
		return link.FateLost
	}
	return v.Fate
}

func (s *Segment) launch(now machine.Time, id PortID, p *port, f wire.Frame) {
	s.counters.Carried++
	p.inFlight++
	p.free = max(p.free, now).Add(s.sendingTime(len(f.Data)))
	i := s.slot()
	fl := &s.flights[i]
	fl.data = append(fl.data[:0], f.Data...)
	fl.from, fl.cause, fl.at = id, f.Cause, p.free.Add(s.cfg.Delay)
	s.timers.Set(i, fl.at)
}

// sendingTime is how long n bytes take at the segment's rate, rounded up.
func (s *Segment) sendingTime(n int) time.Duration {
	if s.cfg.Rate == 0 {
		return 0
	}
	bits := uint64(n) * 8 * uint64(time.Second)
	return time.Duration((bits + s.cfg.Rate - 1) / s.cfg.Rate)
}

func (s *Segment) slot() int {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	s.flights = append(s.flights, flight{})
	return len(s.flights) - 1
}

// Advance makes arrive what is due at now. Early and stale calls do nothing.
func (s *Segment) Advance(now machine.Time) {
	now = s.clock.At(now)
	for {
		i, _, ok := s.timers.Pop(now)
		if !ok {
			return
		}
		s.ports[s.flights[i].from-1].inFlight--
		s.arrived.Push(i)
	}
}

// Deadline returns when the next frame arrives. The answer changes with
// HandleSend and Advance only.
func (s *Segment) Deadline() (machine.Time, bool) { return s.timers.Next() }

// Next returns the next delivery, oldest frame first, ports in the order of
// their numbers. The delivery and its bytes are valid until the next call of
// Next: a frame may be sent while one that arrived is still being read.
func (s *Segment) Next() (*Delivery, bool) {
	for s.cur >= 0 || s.open() {
		fl := &s.flights[s.cur]
		id, ok := s.recipient(fl.from)
		if !ok {
			s.free = append(s.free, s.cur)
			s.cur = -1
			continue
		}
		p := s.port(id)
		if p.down {
			s.counters.ReceiverDown++
			continue
		}
		s.counters.Delivered++
		s.out = Delivery{Port: id, Frame: wire.Frame{
			Data: fl.data, At: fl.at, Port: p.info.Port, Dir: wire.DirIn, Cause: fl.cause,
		}}
		return &s.out, true
	}
	return nil, false
}

// open takes the next frame that arrived as the current one.
func (s *Segment) open() bool {
	i, ok := s.arrived.Pop()
	if !ok {
		return false
	}
	s.cur, s.nextPort, s.targets = *i, 0, nil
	dst := inet.MAC(s.flights[s.cur].data[:6])
	if !dst.IsMulticast() {
		s.targets = s.stations[dst]
	}
	return true
}

// recipient returns the next port that gets the current frame.
func (s *Segment) recipient(from PortID) (PortID, bool) {
	n := len(s.ports)
	if s.targets != nil {
		n = len(s.targets)
	}
	for s.nextPort < n {
		id := PortID(s.nextPort + 1)
		if s.targets != nil {
			id = s.targets[s.nextPort]
		}
		s.nextPort++
		if id != from {
			return id, true
		}
	}
	return 0, false
}

// Quiet reports whether no frame is on its way and no delivery is pending.
func (s *Segment) Quiet() bool {
	return s.timers.Len() == 0 && s.arrived.Len() == 0 && s.cur < 0
}
