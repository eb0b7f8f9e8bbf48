package bucket

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// syncDir has the names of the files in a directory reach the disk, so that one that was renamed there is found by its new
// name after a loss of power, too. Where the system cannot do that, or we must not, it does nothing.
func syncDir(path string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		return nil
	}
	d, err := os.Open(path) //nolint:gosec // the caller says which directory
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil // one may be allowed to make files in it and not to read it
		}
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
