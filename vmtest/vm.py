# SPDX-License-Identifier: Apache-2.0
"""Runs one command in a VM with a given kernel on this machine's root (read-only, overlaid), under TCG."""
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

# The guest ended without a status: a panic, a hang, or qemu failed. Never a pass.
NO_STATUS = 125


def command_archive(directory, argv, environment):
    """A cpio with /command, to be appended to the initrd: archives may be concatenated."""
    with open(f"{directory}/command", "w", encoding="utf-8") as f:
        f.write("export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb\n")
        for name, value in environment.items():
            f.write(f"export {name}={shlex.quote(value)}\n")
        f.write(f"cd {shlex.quote(os.getcwd())} || exit 127\nexec {shlex.join(argv)}\n")
    return subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=directory, input=b"command\n", capture_output=True, check=True).stdout


def start_virtiofsd(directory):
    """Serves a private read-only bind of /; virtiofsd 7.2 has no read-only option of its own."""
    daemon = next(p for p in ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd") if os.path.exists(p))
    os.mkdir(f"{directory}/lower")
    script = (f"mount --bind / {directory}/lower && mount -o remount,bind,ro {directory}/lower && "
              f"exec {daemon} --socket-path={directory}/fs.sock -o source={directory}/lower -o cache=always -o log_level=err")
    process = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", script],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    while not os.path.exists(f"{directory}/fs.sock"):
        if process.poll() is not None:
            raise RuntimeError(f"virtiofsd: {process.stderr.read().decode().strip()}")
        time.sleep(0.01)
    return process


def run(kernel, argv, seconds, memory_mib=2048, environment=None, out=sys.stdout):
    """Runs argv in the current directory inside the VM; copies its output to out; returns its status or NO_STATUS."""
    directory = tempfile.mkdtemp(prefix="heddle-vm.", dir="/dev/shm")
    filesystem = qemu = None
    try:
        with open(f"{directory}/initrd", "wb") as f, open(kernel.initrd, "rb") as base:
            shutil.copyfileobj(base, f)
            f.write(command_archive(directory, argv, environment or {}))
        filesystem = start_virtiofsd(directory)
        os.mkfifo(f"{directory}/out")
        append = ("console=ttyS0 quiet loglevel=4 panic=-1 oops=panic reboot=t nokaslr mitigations=off random.trust_cpu=on "
                  "no_timer_check tsc=reliable audit=0 apparmor=0 rcupdate.rcu_expedited=1 net.ifnames=0 "
                  f"vm.version={kernel.version} vm.modules={kernel.modules} vm.project={os.getcwd()}")
        # One CPU: with two, TCG panicked in about one boot of a hundred. q35: microvm with virtiofs does not boot.
        qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "q35,memory-backend=mem", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", str(memory_mib),
             "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-kernel", kernel.vmlinux, "-initrd", f"{directory}/initrd",
             "-serial", f"file:{directory}/console",
             "-object", f"memory-backend-memfd,id=mem,size={memory_mib}M,share=on",
             "-chardev", f"socket,id=fs,path={directory}/fs.sock", "-device", "vhost-user-fs-pci,chardev=fs,tag=root",
             "-device", "virtio-serial-pci",
             "-chardev", f"file,id=out,path={directory}/out", "-device", "virtserialport,chardev=out,name=out",
             "-chardev", f"file,id=status,path={directory}/status", "-device", "virtserialport,chardev=status,name=status",
             "-append", append], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        copier = threading.Thread(target=copy_lines, args=(f"{directory}/out", out), daemon=True)
        copier.start()
        try:
            qemu.wait(seconds)
            copier.join(10)
        except subprocess.TimeoutExpired:
            print(f"vm: {kernel.version}: no end after {seconds} s", file=out)
        status = open(f"{directory}/status", encoding="ascii").read().strip() if os.path.exists(f"{directory}/status") else ""
        if status:
            return int(status)
        for name, text in (("qemu", qemu.stdout.read().decode() if qemu.poll() is not None else ""),
                           ("console", open(f"{directory}/console", errors="replace", encoding="utf-8").read()[-3000:])):
            print(f"vm: {name}: {text}", file=out)
        return NO_STATUS
    finally:
        for process in (qemu, filesystem):
            if process is not None:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def copy_lines(path, out):
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            out.write(line)
            out.flush()
