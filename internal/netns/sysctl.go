package netns

import (
	"fmt"
	"os"
	"path"
	"strings"
)

// SetSysctl writes a network sysctl of the namespace, such as
// "net/ipv4/ip_forward". Names are paths below /proc/sys, because interface
// names may hold dots.
func (n *NS) SetSysctl(name, value string) error {
	return n.Do(func() error { return setSysctl(name, value) })
}

// Sysctl reads a network sysctl of the namespace.
func (n *NS) Sysctl(name string) (string, error) {
	var value string
	err := n.Do(func() error {
		file, err := sysctlFile(name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(file)
		value = strings.TrimSpace(string(b))
		return err
	})
	return value, err
}

// setSysctl acts in the namespace of the thread: /proc/sys/net shows the
// namespace of whoever opens a file in it.
func setSysctl(name, value string) error {
	file, err := sysctlFile(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("netns: sysctl %s: %w", name, Explain(err))
	}
	_, err = f.WriteString(value)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("netns: sysctl %s = %s: %w", name, value, Explain(err))
	}
	return nil
}

// sysctlFile refuses what is not a namespace's own.
func sysctlFile(name string) (string, error) {
	if !strings.HasPrefix(name, "net/") || path.Clean(name) != name {
		return "", fmt.Errorf("netns: %q is no network sysctl", name)
	}
	return "/proc/sys/" + name, nil
}
