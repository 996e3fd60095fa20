package nic

import (
	"fmt"
	"io"
)

// Namespace is the network namespace of an interface. An *netns.NS is one, and
// a nil *netns.NS is the process's own.
type Namespace interface {
	Name() string
	// Do runs fn on a thread that is inside.
	Do(fn func() error) error
	// CheckOffloads says which offloads of an interface, or of its peer, spoil
	// what packet sockets see, and the command that switches them off.
	CheckOffloads(ifname string) error
	// MendOffloads switches them off as far as it can.
	MendOffloads(ifname string) error
}

// Offloads says what to do about offloads when an interface is opened.
type Offloads struct {
	Mend  bool // switch them off
	Check bool // refuse the interface where they are on
}

// Open runs open inside ns, then sees to the offloads of ifname. It adds kind,
// interface and namespace to what goes wrong.
func Open[L io.Closer](kind string, ns Namespace, ifname string, o Offloads, open func() (L, error)) (L, error) {
	var l, none L
	err := ns.Do(func() (err error) {
		l, err = open()
		return err
	})
	if err == nil {
		if err = o.apply(ns, ifname); err != nil {
			_ = l.Close()
		}
	}
	if err != nil {
		return none, fmt.Errorf("%s: opening %s in %s: %w", kind, ifname, ns.Name(), err)
	}
	return l, nil
}

func (o Offloads) apply(ns Namespace, ifname string) error {
	if o.Mend {
		if err := ns.MendOffloads(ifname); err != nil {
			return err
		}
	}
	if o.Check {
		return ns.CheckOffloads(ifname)
	}
	return nil
}
