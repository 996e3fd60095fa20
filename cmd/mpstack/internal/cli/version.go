package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version returns "mpstack VERSION GOVERSION OS/ARCH".
func version() string {
	return fmt.Sprintf("mpstack %s %s %s/%s", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// release is the module's version as the build recorded it.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `version prints the version, that of Go, and what it was built for.

With --json it is one line:
  {"v":1,"type":"version","version":"…","go":"…","os":"…","arch":"…"}`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			line := version()
			if asJSON {
				line = fmt.Sprintf(`{"v":1,"type":"version","version":%q,"go":%q,"os":%q,"arch":%q}`,
					release(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON line")
	return cmd
}
