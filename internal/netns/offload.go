package netns

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offloads are the features of an interface that change what a packet socket
// on it, or on its peer, gets to see: frames whose checksum is left to the
// receiver (Tx), and super-frames that were never on a wire (TSO, GSO, GRO,
// LRO).
type Offloads struct {
	Rx, Tx        bool // checksums
	TSO, GSO, GRO bool
	LRO           bool
}

// ethtool commands, <linux/ethtool.h>.
const (
	ethtoolGRXCSUM = 0x14
	ethtoolSRXCSUM = 0x15
	ethtoolGTXCSUM = 0x16
	ethtoolSTXCSUM = 0x17
	ethtoolGTSO    = 0x1e
	ethtoolSTSO    = 0x1f
	ethtoolGGSO    = 0x23
	ethtoolSGSO    = 0x24
	ethtoolGFLAGS  = 0x25
	ethtoolSFLAGS  = 0x26
	ethtoolGGRO    = 0x2b
	ethtoolSGRO    = 0x2c

	ethFlagLRO = 1 << 15
)

// offloadField ties a field to its ethtool commands. The order is that in
// which features are switched off: a feature before what it needs.
type offloadField struct {
	name     string
	get, set uint32
	mask     uint32 // of the value that is read and written
	of       func(*Offloads) *bool
}

var offloadFields = []offloadField{
	{"gro", ethtoolGGRO, ethtoolSGRO, 1, func(o *Offloads) *bool { return &o.GRO }},
	{"lro", ethtoolGFLAGS, ethtoolSFLAGS, ethFlagLRO, func(o *Offloads) *bool { return &o.LRO }},
	{"tso", ethtoolGTSO, ethtoolSTSO, 1, func(o *Offloads) *bool { return &o.TSO }},
	{"gso", ethtoolGGSO, ethtoolSGSO, 1, func(o *Offloads) *bool { return &o.GSO }},
	{"tx", ethtoolGTXCSUM, ethtoolSTXCSUM, 1, func(o *Offloads) *bool { return &o.Tx }},
	{"rx", ethtoolGRXCSUM, ethtoolSRXCSUM, 1, func(o *Offloads) *bool { return &o.Rx }},
}

// Sending returns the offloads in o that the peer of a veth suffers from.
func (o Offloads) Sending() Offloads { return Offloads{Tx: o.Tx, TSO: o.TSO, GSO: o.GSO} }

// Receiving returns the offloads in o that packet sockets on the interface
// itself suffer from.
func (o Offloads) Receiving() Offloads { return Offloads{GRO: o.GRO, LRO: o.LRO} }

// allOffloads has every offload on.
var allOffloads = Offloads{Rx: true, Tx: true, TSO: true, GSO: true, GRO: true, LRO: true}

// and returns the offloads that are on in both.
func (o Offloads) and(p Offloads) Offloads {
	for _, f := range offloadFields {
		*f.of(&o) = *f.of(&o) && *f.of(&p)
	}
	return o
}

// or returns the offloads that are on in either.
func (o Offloads) or(p Offloads) Offloads {
	for _, f := range offloadFields {
		*f.of(&o) = *f.of(&o) || *f.of(&p)
	}
	return o
}

// Any reports whether an offload is on.
func (o Offloads) Any() bool { return o != Offloads{} }

// String returns the names of what is on, as ethtool knows them, such as
// "gro, tx", or "none".
func (o Offloads) String() string {
	var on []string
	for _, f := range offloadFields {
		if *f.of(&o) {
			on = append(on, f.name)
		}
	}
	if on == nil {
		return "none"
	}
	return strings.Join(on, ", ")
}

// OffloadCommand returns the command by which a user switches the offloads of
// an interface off.
func OffloadCommand(ifname string) string {
	return "ethtool -K " + ifname + " tx off rx off gso off gro off tso off lro off"
}

// Offloads reads an interface's offloads. It needs no privilege.
func (n *NS) Offloads(ifname string) (Offloads, error) {
	var o Offloads
	err := n.Do(func() (err error) {
		o, err = readOffloads(ifname)
		return err
	})
	if err != nil {
		return o, n.failed("reading the offloads of "+ifname, err)
	}
	return o, nil
}

// DisableOffloads switches off what an interface has of offloads, and verifies
// by reading them back that none is left that packet sockets would suffer from
// (receive checksums may stay on where the device cannot do without).
func (n *NS) DisableOffloads(ifname string) error {
	if err := n.Do(func() error { return disableOffloads(ifname, allOffloads) }); err != nil {
		return n.failed("offloads of "+ifname, err)
	}
	return nil
}

func readOffloads(ifname string) (Offloads, error) {
	var o Offloads
	err := withEthtool(ifname, func(e *ethtool) error {
		for _, f := range offloadFields {
			v, err := e.call(f.get, 0)
			if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			*f.of(&o) = v&f.mask != 0
		}
		return nil
	})
	return o, err
}

// disableOffloads switches off which of an interface's offloads are on.
func disableOffloads(ifname string, which Offloads) error {
	before, err := readOffloads(ifname)
	before = before.and(which)
	if err != nil || !before.Any() {
		return err
	}
	var refused error
	err = withEthtool(ifname, func(e *ethtool) error {
		for _, f := range offloadFields {
			if !*f.of(&before) {
				continue
			}
			if err := e.clear(f); err != nil {
				refused = errors.Join(refused, fmt.Errorf("%s: %w", f.name, err))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	after, err := readOffloads(ifname)
	if err != nil {
		return err
	}
	after = after.and(which)
	after.Rx = false
	if after.Any() {
		return errors.Join(fmt.Errorf("still on: %s; try: %s", after, OffloadCommand(ifname)), refused)
	}
	return nil
}

// ethtool is a socket for the ethtool ioctl on one interface.
type ethtool struct {
	fd     int
	ifname string
}

func withEthtool(ifname string, fn func(*ethtool) error) error {
	if ifname == "" || len(ifname) > MaxName {
		return fmt.Errorf("interface name %q: %w", ifname, unix.EINVAL)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	return fn(&ethtool{fd: fd, ifname: ifname})
}

// ethtoolValue is struct ethtool_value, ethtoolRequest the struct ifreq that
// points to it.
type (
	ethtoolValue   struct{ cmd, data uint32 }
	ethtoolRequest struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [24 - unsafe.Sizeof(uintptr(0))]byte
	}
)

// call does one command and returns the value.
func (e *ethtool) call(cmd, data uint32) (uint32, error) {
	v := ethtoolValue{cmd: cmd, data: data}
	req := ethtoolRequest{data: unsafe.Pointer(&v)}
	copy(req.name[:MaxName], e.ifname)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(e.fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
	if errno != 0 {
		return 0, os.NewSyscallError("ioctl SIOCETHTOOL", errno)
	}
	return v.data, nil
}

// clear takes a field's bits out of the value that the kernel has.
func (e *ethtool) clear(f offloadField) error {
	v, err := e.call(f.get, 0)
	if err != nil {
		return err
	}
	_, err = e.call(f.set, v&^f.mask)
	return err
}
