package cli

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
)

func (p *program) newDecode() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "decode FILE",
		Short: "Show every frame of a capture with all layers and objects",
		Long: `decode shows every frame of a pcap or pcapng file (also compressed with gzip)
with all its layers and objects. FILE - is standard input, shown as it comes.

What does not decode is named with its layer, field, offset and reason; the
rest goes on. Exit status 2 if the file itself cannot be read to its end.

With --json each frame is one line:
  {"v":1,"frame":N,"time":"…","iface":"…","dir":"in"|"out","layers":[LAYER…],
   "error":{"layer","field","offset","reason"},"comment":"…"}
  LAYER   {"name","type","offset","length","fields":[FIELD…],"objects":[OBJECT…]}
  OBJECT  {"class","ctype","name","form","offset","length","fields":[FIELD…]}
  FIELD   {"name","offset","length","value","text"}
Offsets count from the start of the frame; what is not there is left out.`,
		Example: `  mpstack decode demo.pcapng
  mpstack decode --json demo.pcapng | jq 'select(.error)'
  mpstack demo --netns --pcap - | mpstack decode -`,
		Args: oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			in, err := openInput(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			d := decoder{w: bufio.NewWriter(p.out), json: asJSON, live: args[0] == "-"}
			if err := d.run(in); err != nil && !p.out.isBroken() {
				return usage("%s: %v", args[0], err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return cmd
}

// decoder shows captures.
type decoder struct {
	w    *bufio.Writer
	json bool
	live bool // show each frame at once
	tree dissect.Tree
	line []byte
}

// run shows what r holds, up to the first error of r's own or of the output.
func (d *decoder) run(r io.Reader) error {
	defer d.w.Flush()
	for rec, err := range capture.Open(r) {
		if err == nil {
			err = d.frame(&rec)
		}
		if err != nil {
			return err
		}
	}
	return d.w.Flush()
}

func (d *decoder) frame(rec *capture.Record) error {
	d.tree.Dissect(rec.LinkType, rec.Data)
	d.line = d.line[:0]
	if d.json {
		d.line = append(dissect.AppendJSON(d.line, rec, &d.tree), '\n')
	} else {
		d.line = dissect.AppendText(d.line, rec, &d.tree)
	}
	_, err := d.w.Write(d.line)
	if d.live && err == nil {
		err = d.w.Flush()
	}
	return err
}

// openInput opens a capture; "-" is standard input.
func openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usage("%v", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a directory: give a capture", name)
	case info.Mode()&fs.ModeType == 0 && info.Size() == 0:
		err = fmt.Errorf("%s is empty: give a capture", name)
	}
	if err != nil {
		_ = f.Close()
		return nil, usage("%v", err)
	}
	return f, nil
}
