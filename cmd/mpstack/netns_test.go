//go:build netns

package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/internal/netns"
)

// nobody is an ordinary user.
const nobody = 65534

// asNobody makes a command run as an ordinary user.
func asNobody(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

// sameUser leaves a command as it is.
func sameUser(cmd *exec.Cmd) *exec.Cmd { return cmd }

// users are who runs what makes namespaces: root at once, others in a user
// namespace.
var users = []struct {
	name string
	as   func(*exec.Cmd) *exec.Cmd
	n    int // processes of ours
}{{"root", sameUser, 1}, {"user namespace", asNobody, 2}}

// public returns a folder that everybody may write to.
func public(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "mpstack-netns")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// footprint is what a command could leave behind.
type footprint struct {
	Interfaces []string
	Named      []string // namespaces with a name
	Mounts     []string // of namespaces
	Processes  []string // that run our binary
}

func look(t *testing.T) footprint {
	t.Helper()
	var f footprint
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		f.Interfaces = append(f.Interfaces, i.Name)
	}
	named, _ := os.ReadDir("/run/netns") // it may not be there
	for _, e := range named {
		f.Named = append(f.Named, e.Name())
	}
	for line := range strings.Lines(string(read(t, "/proc/self/mountinfo"))) {
		if strings.Contains(line, " nsfs ") {
			f.Mounts = append(f.Mounts, line)
		}
	}
	f.Processes = running(t)
	return f
}

// running lists the processes of our binary.
func running(t *testing.T) []string {
	t.Helper()
	var all []string
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if exe, err := os.Readlink(l); err == nil && exe == binary {
			all = append(all, l)
		}
	}
	return all
}

// unchanged fails the test if something is there that was not there before.
func unchanged(t *testing.T, before footprint) {
	t.Helper()
	if diff := cmp.Diff(before, look(t)); diff != "" {
		t.Errorf("left behind: %s", diff)
	}
}

// The demonstration on real interfaces has the golden's structure and leaves
// nothing.
func TestNetnsDemo(t *testing.T) {
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			before, file := look(t), filepath.Join(public(t), "demo.pcapng")
			a := finish(t, u.as(exec.Command(binary, "demo", "--netns", "--pcap", file)))
			a.is(t, 0)
			has(t, a.stdout, "\nTwo leaves join it", "old     as expected, k6 received 20 datagrams",
				"\ndemo on netns, seed 1: passed: ", "; the capture has the golden's structure\n", "capture: "+file)
			note := strings.HasPrefix(a.stdout, "TAP devices are refused here, so veth takes their place: ")
			if note != (u.n == 2) {
				t.Errorf("note of TAP: %v\n%s", note, a.stdout)
			}
			capturetest.MustPass(t, file, capturetest.Options{})
			unchanged(t, before)
		})
	}
}

// The capture streams to standard output, and the timeline goes to standard
// error.
func TestNetnsDemoPcapStdout(t *testing.T) {
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			cmd := u.as(exec.Command(binary, "demo", "--netns", "--pcap", "-"))
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd.Stdout = w
			p := start(t, cmd)
			w.Close()
			var kept bytes.Buffer
			n := 0
			for rec, err := range capture.Open(io.TeeReader(r, &kept)) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == 20 && strings.Contains(p.errout.String(), "passed") {
					t.Error("the first frames come when all is over")
				}
				if rec.Comment == "" && !strings.HasPrefix(rec.Port, "router/") {
					t.Errorf("frame %d at %s has no comment", n, rec.Port)
				}
			}
			a := p.wait()
			a.is(t, 0)
			has(t, a.stderr, "\nTwo leaves join it", "passed: ", "structure\n")
			if n < 100 {
				t.Errorf("%d frames", n)
			}
			file := filepath.Join(t.TempDir(), "demo.pcapng")
			if err := os.WriteFile(file, kept.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			capturetest.MustPass(t, file, capturetest.Options{})
		})
	}
}

// However it ends, nothing stays.
func TestNetnsEnds(t *testing.T) {
	for _, u := range users {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
			t.Run(u.name+", "+sig.String(), func(t *testing.T) {
				before := look(t)
				p := start(t, u.as(exec.Command(binary, "demo", "--netns")))
				p.says("Data flows")
				if got := running(t); len(got) != u.n {
					t.Errorf("%d processes, want %d", len(got), u.n)
				}
				p.send(sig)
				a := p.wait() // also for everybody who has its standard output
				if sig == syscall.SIGKILL {
					if a.signal != sig {
						t.Errorf("status %d, signal %v", a.status, a.signal)
					}
				} else {
					a.complains(t, 1, "demo: interrupted")
				}
				if strings.Contains(a.stdout, "passed") {
					t.Error("it ran to its end")
				}
				unchanged(t, before)
			})
		}
	}
}

// The same for a reader that goes away.
func TestNetnsHead(t *testing.T) {
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			before := look(t)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := u.as(exec.Command(binary, "demo", "--netns"))
			cmd.Stdout = w
			p := start(t, cmd)
			w.Close()
			if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
				t.Error(err)
			}
			r.Close()
			if a := p.wait(); a.status == 0 || a.stderr != "" {
				t.Errorf("status %d, signal %v: %s", a.status, a.signal, a.stderr)
			}
			unchanged(t, before)
		})
	}
}

// run takes every flag along into the user namespace.
func TestNetnsRun(t *testing.T) {
	want := "; the capture has the structure of " + goldens + "leaf-join.pcapng\n"
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			before := look(t)
			a := finish(t, u.as(exec.Command(binary, "run", "--on", "netns", "--golden", goldens+"leaf-join.pcapng", scenarios+"leaf-join.yaml")))
			a.is(t, 0)
			has(t, a.stdout, "== leaf-join\n", "leaf-join on netns, seed 2: passed: ", want)

			bad := filepath.Join(public(t), "failing.yaml")
			if err := os.WriteFile(bad, read(t, failing(t)), 0o644); err != nil {
				t.Fatal(err)
			}
			a = finish(t, u.as(exec.Command(binary, "run", "--on", "netns", "--json", "--seed", "9", scenarios+"reject.yaml", bad)))
			a.is(t, 1)
			all := lines(t, a.stdout)
			last := all[len(all)-1]
			if last["type"] != "summary" || last["passed"] != 1.0 || !strings.Contains(a.stdout, `"on":"netns","seed":9,`) {
				t.Errorf("%s", a.stdout)
			}
			unchanged(t, before)
		})
	}
}

// What netns cannot build is said, and the others are run.
func TestNetnsRunRefused(t *testing.T) {
	a := mpstack(t, "run", "--on", "netns", "--quiet", scenarios+"leave-root.yaml", scenarios+"reject.yaml")
	a.complains(t, 1, "leave-root", "a link has 2")
	has(t, a.stdout, "reject on netns, seed 4: passed: ", "\n1 of 2 scenarios passed\n")
}

// Without the privilege and without user namespaces: status 3, and what to do.
// The limit is that of a user namespace made for the purpose.
func TestNetnsForbidden(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"user":         {`echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`, "sysctl -w user.max_user_namespaces="},
		"powerless":    {`echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"`, "CAP_SYS_ADMIN"},
		"no more nets": {`echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"`, "/proc/sys/user/max_net_namespaces"},
	} {
		for _, args := range [][]string{{"demo", "--netns"}, {"run", "--on", "netns", scenarios + "reject.yaml"}} {
			t.Run(name+", "+args[0], func(t *testing.T) {
				cmd := exec.Command("sh", append([]string{"-c", c.script, "sh", binary}, args...)...)
				ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: nobody, HostID: nobody, Size: 1}}
				cmd.SysProcAttr = &syscall.SysProcAttr{
					Cloneflags: syscall.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
				}
				a := finish(t, cmd)
				a.complains(t, 3, c.want)
				if a.stdout != "" {
					t.Errorf("standard output: %s", a.stdout)
				}
			})
		}
	}
}

// hosts makes two namespaces and a cable between them, an eth0 in each.
func hosts(t *testing.T) (a, b *netns.NS) {
	t.Helper()
	a, b = space(t, "a"), space(t, "b")
	eth0 := netns.Interface{Name: "eth0"}
	if err := netns.Veth(netns.Port{NS: a, Interface: eth0}, netns.Port{NS: b, Interface: eth0}); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func space(t *testing.T, name string) *netns.NS {
	t.Helper()
	n, err := netns.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// in starts a command of ours in a namespace.
func in(t *testing.T, n *netns.NS, args ...string) *process {
	t.Helper()
	return inside(t, n, exec.Command(binary, args...))
}

func inside(t *testing.T, n *netns.NS, cmd *exec.Cmd) *process {
	t.Helper()
	p := prepare(t, cmd)
	if err := n.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	p.follow()
	return p
}

// Fields of JSON lines, as the help of root and leaf documents them.
var (
	rootFields = map[string]string{
		"listening": "name", "joined": "leaf name caller? caller_hex? rate", "left": "leaf name code error",
		"qos": "name status", "end": "name sent unsent",
	}
	leafFields = map[string]string{
		"joining": "name", "joined": "name callee? callee_hex?", "data": "received lost late", "qos": "status",
		"left": "by received lost late", "uncaptured": "reason", "lost": "code error received lost late",
	}
)

// last returns the last line of a type.
func last(t *testing.T, text, kind string) map[string]any {
	t.Helper()
	for _, m := range slices.Backward(lines(t, text)) {
		if m["type"] == kind {
			return m
		}
	}
	t.Fatalf("no line of type %s in:\n%s", kind, text)
	return nil
}

// Two terminals: root and leaf over a veth or a TAP device, in both families,
// until Ctrl-C at the leaf and SIGTERM at the root.
func TestNetnsSession(t *testing.T) {
	for _, c := range []struct {
		name            string
		root, leaf      string // --addr
		at              string // the leaf's --name
		rootTAP, caller bool
	}{
		{name: "raw, IPv4", root: "10.9.0.1/24", leaf: "10.9.0.2/24", at: "10.9.0.1", caller: true},
		{name: "raw, IPv6", root: "fd09::1/64", leaf: "fd09::2/64", at: "[fd09::1]:5000", caller: true},
		{name: "root on TAP, IPv4", root: "10.9.0.1/24", leaf: "10.9.0.2/24", at: "10.9.0.1:5000", rootTAP: true},
		{name: "root on TAP, IPv6", root: "fd09::1/64", leaf: "fd09::2/64", at: "fd09::1", rootTAP: true, caller: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rootArgs := []string{"root", "--addr", c.root, "--data", "welcome", "--rate", "20000", "--json", "--iface", "eth0"}
			leafArgs := []string{"leaf", "--addr", c.leaf, "--name", c.at, "--rate", "20000", "--json", "--iface", "eth0"}
			if c.caller {
				leafArgs = append(leafArgs, "--data", "hello")
			}
			var a, b *netns.NS
			if c.rootTAP { // both on one host
				a = space(t, "host")
				b = a
				rootArgs = append(rootArgs, "--backend", "tap")
			} else {
				a, b = hosts(t)
			}
			dir := t.TempDir()
			rootPcap, leafPcap := filepath.Join(dir, "root.pcapng"), filepath.Join(dir, "leaf.pcapng")
			root := in(t, a, append(rootArgs, "--pcap", rootPcap)...)
			root.says(`"listening"`)
			leaf := in(t, b, append(leafArgs, "--pcap", leafPcap)...)
			leaf.says(`"WSA_QOS_SENDERS"(.*\n)*.*"WSA_QOS_REQUEST_CONFIRMED"`)
			root.says(`"WSA_QOS_RECEIVERS"`)
			leaf.says(`"data"`)
			leaf.send(syscall.SIGINT)
			left := leaf.wait()
			left.is(t, 0)
			root.says(`"left"`)
			root.send(syscall.SIGTERM)
			ended := root.wait()
			ended.is(t, 0)

			documented(t, lines(t, left.stdout), leafFields)
			documented(t, lines(t, ended.stdout), rootFields)
			if m := last(t, left.stdout, "joined"); m["callee"] != "welcome" {
				t.Errorf("%v", m)
			}
			m := last(t, ended.stdout, "joined")
			if caller, there := m["caller"]; there != c.caller || there && caller != "hello" || m["rate"] != 20000.0 {
				t.Errorf("%v", m)
			}
			if m := last(t, ended.stdout, "left"); m["code"] != 0.0 || m["error"] != "" {
				t.Errorf("%v", m)
			}
			over, sent := last(t, left.stdout, "left"), last(t, ended.stdout, "end")
			if over["by"] != "leaf" || over["received"].(float64) < 10 || over["lost"] != 0.0 || over["late"] != 0.0 {
				t.Errorf("%v", over)
			}
			if sent["sent"].(float64) < over["received"].(float64) || sent["unsent"] != 0.0 {
				t.Errorf("sent %v, received %v", sent, over)
			}
			for _, file := range []string{rootPcap, leafPcap} {
				capturetest.MustPass(t, file, capturetest.Options{})
				if n := frames(t, file); n < 15 {
					t.Errorf("%s: %d frames", file, n)
				}
			}
			if strings.Contains(left.stderr+ended.stderr, "\n") {
				t.Errorf("standard error: %s%s", left.stderr, ended.stderr)
			}
		})
	}
}

// One root, two families, two leaves, for a reader; the root's end is theirs.
func TestNetnsTwoFamilies(t *testing.T) {
	t.Parallel()
	a, b := hosts(t)
	root := in(t, a, "root", "--iface", "eth0", "--addr", "10.9.0.1/24", "--addr", "fd09::1/64")
	root.says(`listening at 10\.9\.0\.1:5000\n.*listening at \[fd09::1\]:5000\n`)
	leaf4 := in(t, b, "leaf", "--iface", "eth0", "--addr", "10.9.0.2/24", "--name", "10.9.0.1", "--data", "four")
	leaf6 := in(t, b, "leaf", "--iface", "eth0", "--addr", "fd09::2/64", "--name", "fd09::1", "--data", "six")
	leaf4.says(`joined 10\.9\.0\.1:5000\n`)
	leaf6.says(`joined \[fd09::1\]:5000\n`)
	root.says(`leaf 10\.9\.0\.2:\d+ joined with "four"\n`)
	root.says(`leaf \[fd09::2\]:\d+ joined with "six"\n`)
	root.send(syscall.SIGINT)
	for _, p := range []*process{leaf4, leaf6} {
		over := p.wait()
		over.is(t, 0)
		has(t, over.stdout, "the root ended the session: 0 datagrams, 0 lost\n")
	}
	over := root.wait()
	over.is(t, 0)
	has(t, over.stdout, "10.9.0.1:5000 is closed; 0 datagrams were sent\n", "[fd09::1]:5000 is closed; 0 datagrams were sent\n")
	if strings.Contains(over.stdout, "lost") {
		t.Errorf("a leaf was lost:\n%s", over.stdout)
	}
}

// --for ends both sides, and a free port is drawn and shown.
func TestNetnsFor(t *testing.T) {
	t.Parallel()
	a, b := hosts(t)
	root := in(t, a, "root", "--iface", "eth0", "--addr", "10.9.0.1/24", "--name", "10.9.0.1:0", "--for", "8s")
	port := root.says(`listening at 10\.9\.0\.1:(\d+)\n`)[1]
	leaf := in(t, b, "leaf", "--iface", "eth0", "--addr", "10.9.0.2/24", "--name", "10.9.0.1:"+port, "--for", "500ms")
	over := leaf.wait()
	over.is(t, 0)
	has(t, over.stdout, "left the session: ")
	over = root.wait()
	over.is(t, 0)
	has(t, over.stdout, " left\n", "is closed")
}

// The ways in which a join fails, each with its Winsock error and what to do.
func TestNetnsJoinFails(t *testing.T) {
	a, b := hosts(t)
	root := in(t, a, "root", "--iface", "eth0", "--addr", "10.9.0.1/24")
	root.says("listening")
	t.Run("group", func(t *testing.T) {
		for name, c := range map[string]struct {
			args  []string
			wants []string
		}{
			"wrong port":  {[]string{"--name", "10.9.0.1:4999"}, []string{"WSAECONNREFUSED (10061)", "is 10.9.0.1:4999 the name"}},
			"nobody":      {[]string{"--name", "10.9.0.7"}, []string{"WSAENETUNREACH (10051)", "is 10.9.0.7 up"}},
			"no time":     {[]string{"--name", "10.9.0.7", "--for", "200ms"}, []string{"not joined within --for 200ms", "10.9.0.7:5000 has not answered"}},
			"dead router": {[]string{"--name", "10.8.0.1", "--gateway", "10.9.0.7"}, []string{"WSAENETUNREACH (10051)"}},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				leaf := in(t, b, append([]string{"leaf", "--iface", "eth0", "--addr", "10.9.0.2/24"}, c.args...)...)
				over := leaf.wait()
				over.complains(t, 1, c.wants...)
			})
		}
		t.Run("Ctrl-C", func(t *testing.T) {
			t.Parallel()
			leaf := in(t, b, "leaf", "--iface", "eth0", "--addr", "10.9.0.3/24", "--name", "10.9.0.7")
			leaf.says("joining")
			leaf.send(syscall.SIGINT)
			over := leaf.wait()
			over.complains(t, 1, "not joined before we were stopped")
		})
	})
}

// A root that is killed says no goodbye: the leaf notices.
func TestNetnsRootLost(t *testing.T) {
	t.Parallel()
	a, b := hosts(t)
	root := in(t, a, "root", "--iface", "eth0", "--addr", "10.9.0.1/24", "--rate", "5000")
	root.says("listening")
	leaf := in(t, b, "leaf", "--iface", "eth0", "--addr", "10.9.0.2/24", "--name", "10.9.0.1", "--json")
	leaf.says(`"data"`)
	root.send(syscall.SIGKILL)
	over := leaf.wait()
	over.complains(t, 1, "the root was lost: WSAECONNRESET (10054)", " datagrams, 0 lost")
	documented(t, lines(t, over.stdout), leafFields)
	if m := last(t, over.stdout, "lost"); m["error"] != "WSAECONNRESET" || m["received"].(float64) < 1 {
		t.Errorf("%v", m)
	}
}

// Where a user may not write, no capture is begun and nothing is run.
func TestNetnsReadOnly(t *testing.T) {
	dir := public(t)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"demo"}, {"demo", "--netns"}, {"run", scenarios + "reject.yaml"}} {
		a := finish(t, asNobody(exec.Command(binary, append(args, "--pcap", dir+"/x.pcapng")...)))
		a.complains(t, 2, "--pcap: open "+dir+"/x.pcapng: permission denied")
		if strings.Contains(a.stdout, "root") && !strings.HasPrefix(a.stdout, "TAP devices") {
			t.Errorf("%v was run:\n%s", args, a.stdout)
		}
	}
}

// A reader of the capture that goes away costs the capture alone; one of the
// text ends the session in order.
func TestNetnsReadersGoAway(t *testing.T) {
	t.Parallel()
	a, b := hosts(t)
	root := in(t, a, "root", "--iface", "eth0", "--addr", "10.9.0.1/24", "--rate", "20000")
	root.says("listening")
	leaf := func(addr string, args ...string) (*process, *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		cmd := exec.Command(binary, append([]string{"leaf", "--iface", "eth0", "--addr", addr, "--name", "10.9.0.1"}, args...)...)
		cmd.Stdout = w
		p := inside(t, b, cmd)
		w.Close()
		return p, r
	}

	p, r := leaf("10.9.0.2/24", "--pcap", "-")
	if _, err := io.ReadFull(r, make([]byte, 2000)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, ok := p.errout.await(regexp.MustCompile(`the capture ends here, its reader went away\n(.*\n)*.* datagrams, 0 lost\n`)); !ok {
		t.Errorf("it does not go on:\n%s", p.errout.String())
	}
	p.send(syscall.SIGINT)
	over := p.wait()
	over.is(t, 0)
	has(t, over.stderr, "left the session")

	p, r = leaf("10.9.0.3/24")
	if _, err := io.ReadFull(r, make([]byte, 40)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	over = p.wait()
	over.is(t, 0)
	if over.stderr != "" {
		t.Errorf("standard error: %s", over.stderr)
	}
	root.says(`leaf 10\.9\.0\.3:\d+ left\n`)
}

// Interfaces that cannot serve, each with what mends it; and who may not.
func TestNetnsInterfaces(t *testing.T) {
	a, b := hosts(t)
	if err := b.SetDown("eth0"); err != nil {
		t.Fatal(err)
	}
	plain := space(t, "plain") // as a user makes it
	err := plain.Do(exec.Command("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1").Run)
	for _, ifname := range []string{"v0", "v1"} {
		if err == nil {
			err = plain.SetUp(ifname)
		}
	}
	if err == nil {
		err = plain.Do(exec.Command("ip", "addr", "add", "10.9.0.3/24", "dev", "v1").Run)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		at     *netns.NS
		as     func(*exec.Cmd) *exec.Cmd
		args   string
		status int
		wants  []string
	}{
		{"down", b, sameUser, "--iface eth0 --addr 10.9.0.2/24", 2, []string{"it is down: ip link set eth0 up"}},
		{"offloads", plain, sameUser, "--iface v0 --addr 10.9.0.2/24", 2, []string{"offloads", "ethtool -K v"}},
		{"the kernel's address", plain, sameUser, "--iface v0 --addr 10.9.0.3/24", 2, []string{"the kernel has this address"}},
		{"raw without privilege", a, asNobody, "--iface eth0 --addr 10.9.0.2/24", 3, []string{"root"}},
		{"TAP without privilege", a, asNobody, "--iface tap0 --backend tap --addr 10.9.0.2/24", 3, []string{"root"}},
		{"no capture", a, sameUser, "--iface eth0 --addr 10.9.0.2/24 --pcap /nothing/x", 2, []string{"--pcap: ", "no such file"}},
		{"full capture", a, sameUser, "--iface eth0 --addr 10.9.0.2/24 --pcap /dev/full", 2, []string{"--pcap: ", "no space left"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, command := range []string{"root", "leaf --name 10.9.0.1"} {
				args := strings.Fields(command + " " + c.args)
				over := inside(t, c.at, c.as(exec.Command(binary, args...))).wait()
				over.complains(t, c.status, c.wants...)
			}
		})
	}
	names, err := a.Interfaces()
	if err != nil || slices.Contains(names, "tap0") {
		t.Errorf("%v, %v", names, err)
	}
}

// A TAP device goes with its process, whatever ends that.
func TestNetnsTAPVanishes(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		n := space(t, "host")
		root := in(t, n, "root", "--backend", "tap", "--iface", "mps0", "--addr", "10.9.0.1/24")
		root.says("listening")
		if names, err := n.Interfaces(); err != nil || !slices.Contains(names, "mps0") {
			t.Errorf("%v, %v", names, err)
		}
		root.send(sig)
		root.wait()
		if names, err := n.Interfaces(); err != nil || slices.Contains(names, "mps0") {
			t.Errorf("%v: %v, %v", sig, names, err)
		}
	}
}

// The README's pipe: a session's capture, decoded as it comes.
func TestNetnsPipe(t *testing.T) {
	t.Parallel()
	n := space(t, "host")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	decoder := exec.Command(binary, "decode", "-")
	decoder.Stdin = r
	shown := start(t, decoder)
	r.Close()
	cmd := exec.Command(binary, "root", "--backend", "tap", "--iface", "mps0", "--addr", "10.9.0.1/24", "--rate", "5000", "--pcap", "-")
	cmd.Stdout = w
	root := inside(t, n, cmd)
	w.Close()
	shown.says(`rsvp Path 10\.9\.0\.1 > 232\.`)
	leaf := in(t, n, "leaf", "--iface", "mps0", "--addr", "10.9.0.2/24", "--name", "10.9.0.1", "--data", "hello")
	shown.says(`mpj JOIN 10\.9\.0\.2 > 10\.9\.0\.1`)
	shown.says(`mpj CONFIRM 10\.9\.0\.2 > 10\.9\.0\.1`)
	leaf.send(syscall.SIGINT)
	leaf.wait()
	shown.says(`mpj LEAVE 10\.9\.0\.2 > 10\.9\.0\.1`)
	root.send(syscall.SIGINT)
	over := root.wait()
	over.is(t, 0)
	has(t, over.stderr, "listening at ", fmt.Sprintf("joined with %q", "hello"), "is closed")
	over = shown.wait()
	over.is(t, 0)
}
