//go:build !limitsonly

package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Places in the root that the program sees.
const (
	scratch   = "/tmp"
	rootBytes = "size=1m,nr_inodes=256,mode=0755"
)

// emptyRoot replaces the root of this mount namespace by an empty read-only one
// with the program's libraries and a scratch directory in memory. There is no
// /proc in it, so the program can read neither its own file nor its memory as a
// file; it is run from a descriptor.
func emptyRoot(s spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	base := ""
	var faults []error
	for _, dir := range []string{"/tmp", "/mnt", "/run", "/dev/shm"} {
		err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, rootBytes)
		if err == nil {
			base = dir
			break
		}
		faults = append(faults, fmt.Errorf("mount an empty root on %s: %w", dir, err))
	}
	if base == "" {
		return errors.Join(faults...)
	}
	for _, file := range s.Libraries {
		if err := show(base, file); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(base, scratch), 0o700); err != nil {
		return fmt.Errorf("make the scratch directory: %w", err)
	}
	size := fmt.Sprintf("size=%d,nr_inodes=4096,mode=0700", max(s.Scratch, 1<<20))
	if err := unix.Mount("tmpfs", filepath.Join(base, scratch), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, size); err != nil {
		return fmt.Errorf("mount the scratch directory: %w", err)
	}
	return enter(base)
}

// show makes one file of the machine visible below base, to be read only.
func show(base, file string) error {
	source, err := filepath.EvalSymlinks(file)
	if err != nil {
		return fmt.Errorf("find the library %s: %w", file, err)
	}
	target := filepath.Join(base, file)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("make a place for %s: %w", file, err)
	}
	if err := os.WriteFile(target, nil, 0o444); err != nil {
		return fmt.Errorf("make a place for %s: %w", file, err)
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("show the library %s: %w", file, err)
	}
	err = unix.MountSetattr(-1, target, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV})
	if err != nil && err != unix.ENOSYS { // older kernels: the file's own mode protects it
		return fmt.Errorf("protect the library %s: %w", file, err)
	}
	return nil
}

// enter makes base the root, lets the old one go, and closes the new one to
// writing.
func enter(base string) error {
	if err := unix.Chdir(base); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the old root lies over the new one
		return fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let the old root go: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("close the root to writing: %w", err)
	}
	if err := unix.Chdir(scratch); err != nil {
		return fmt.Errorf("go to the scratch directory: %w", err)
	}
	return nil
}
