package cli

import (
	"bufio"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
)

func newDecode() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "decode FILE",
		Short: "Show every frame of a capture with all layers and objects",
		Long: `decode shows every frame of a pcap or pcapng file (also compressed with gzip)
with all its layers and objects. FILE - is standard input.

What does not decode is named with its layer, field, offset and reason; the
rest goes on. Exit status 2 if the file itself cannot be read to its end.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := openInput(cmd, args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			out := bufio.NewWriter(cmd.OutOrStdout())
			err = decode(in, out, asJSON)
			if flushErr := out.Flush(); flushErr != nil {
				return finding("cannot write: %v", flushErr)
			}
			if err != nil {
				return usage("%s: %v", args[0], err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON line a frame")
	return cmd
}

// decode writes what r holds, up to the first error of the file's own.
func decode(r io.Reader, w io.Writer, asJSON bool) error {
	var (
		tree dissect.Tree
		line []byte
	)
	for rec, err := range capture.Open(r) {
		if err != nil {
			return err
		}
		tree.Dissect(rec.LinkType, rec.Data)
		line = line[:0]
		if asJSON {
			line = append(dissect.AppendJSON(line, &rec, &tree), '\n')
		} else {
			line = dissect.AppendText(line, &rec, &tree)
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// openInput opens a file for reading; "-" is standard input.
func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usage("%v", err)
	}
	return f, nil
}
