"""The calls of Windows behind `named_pipe`, and who is meant by "owner" there.

Python makes the pipes of `multiprocessing` with `_winapi`; a little about security, which that has
not, is called by ctypes. A person is known by the identifier (SID) of the account.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from ctypes import wintypes

from describer_daemon.service.named_pipe import BUFFER, Operation

if sys.platform != "win32":
    raise ImportError("only Windows has these calls")

import _winapi

# bytes that are waited for; whoever comes by the network is refused
_PIPE_MODE = 0x00000008  # PIPE_TYPE_BYTE, PIPE_READMODE_BYTE, PIPE_WAIT, PIPE_REJECT_REMOTE_CLIENTS
# SECURITY_SQOS_PRESENT, SECURITY_ANONYMOUS: no server, whoever has made it, may act in our name
_NOT_IN_OUR_NAME = 0x00100000
_TOKEN_QUERY, _TOKEN_USER = 0x0008, 1
_KERNEL_OBJECT, _OWNER = 6, 1  # SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION
_REVISION = 1  # SDDL_REVISION_1


class _SecurityAttributes(ctypes.Structure):
    _fields_ = (
        ("length", wintypes.DWORD),
        ("descriptor", wintypes.LPVOID),
        ("inherited", wintypes.BOOL),
    )


class WindowsPipes:
    """See `named_pipe.Pipes`."""

    def __init__(self) -> None:
        self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        self._security = ctypes.WinDLL("advapi32", use_last_error=True)
        self._kernel.LocalFree.argtypes = (wintypes.LPVOID,)
        self._person = self._asked_for_person()

    def name(self) -> str:
        session = wintypes.DWORD()
        self._check(self._kernel.ProcessIdToSessionId(os.getpid(), ctypes.byref(session)))
        return rf"\\.\pipe\describer-{self._person}-{session.value}"

    def create(self, name: str, *, first: bool) -> int:
        mode = _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_OVERLAPPED
        if first:
            mode |= _winapi.FILE_FLAG_FIRST_PIPE_INSTANCE
        with self._owner_only() as attributes:
            return _winapi.CreateNamedPipe(
                name,
                mode,
                _PIPE_MODE,
                _winapi.PIPE_UNLIMITED_INSTANCES,
                BUFFER,
                BUFFER,
                0,
                attributes,
            )

    def open(self, name: str) -> int:
        both = _winapi.GENERIC_READ | _winapi.GENERIC_WRITE
        flags = _winapi.FILE_FLAG_OVERLAPPED | _NOT_IN_OUR_NAME
        return _winapi.CreateFile(
            name, both, 0, _winapi.NULL, _winapi.OPEN_EXISTING, flags, _winapi.NULL
        )

    def await_free(self, name: str, milliseconds: int) -> None:
        _winapi.WaitNamedPipe(name, milliseconds)

    def is_ours(self, handle: int) -> bool:
        owner, descriptor = wintypes.LPVOID(), wintypes.LPVOID()
        error = self._security.GetSecurityInfo(
            wintypes.HANDLE(handle),
            _KERNEL_OBJECT,
            _OWNER,
            ctypes.byref(owner),
            None,
            None,
            None,
            ctypes.byref(descriptor),
        )
        if error:
            raise ctypes.WinError(error)
        try:
            return self._identifier(owner) == self._person
        finally:
            self._kernel.LocalFree(descriptor)

    def accept(self, handle: int) -> Operation:
        return _winapi.ConnectNamedPipe(handle, overlapped=True)

    def read(self, handle: int, size: int) -> Operation:
        return _winapi.ReadFile(handle, size, overlapped=True)[0]

    def write(self, handle: int, data: bytes) -> Operation:
        return _winapi.WriteFile(handle, data, overlapped=True)[0]

    def ended(self, operation: Operation, milliseconds: int | None) -> bool:
        limit = _winapi.INFINITE if milliseconds is None else milliseconds
        # not for a single object: in the main thread this one ends by Ctrl+C, too
        return (
            _winapi.WaitForMultipleObjects([operation.event], False, limit) == _winapi.WAIT_OBJECT_0
        )

    def server(self, handle: int) -> int:
        process = wintypes.ULONG()
        self._check(
            self._kernel.GetNamedPipeServerProcessId(wintypes.HANDLE(handle), ctypes.byref(process))
        )
        return _winapi.OpenProcess(_winapi.SYNCHRONIZE, False, process.value)

    def exited(self, process: int, milliseconds: int) -> bool:
        return (
            _winapi.WaitForMultipleObjects([process], False, milliseconds) == _winapi.WAIT_OBJECT_0
        )

    def close(self, handle: int) -> None:
        _winapi.CloseHandle(handle)

    @contextlib.contextmanager
    def _owner_only(self) -> Iterator[int]:
        """→ the address of SECURITY_ATTRIBUTES that hold inside this context."""
        person, descriptor = self._person, wintypes.LPVOID()
        # owner; P: nothing is inherited; the owner may do all (GA), and nobody else anything
        text = f"O:{person}D:P(A;;GA;;;{person})"
        self._check(
            self._security.ConvertStringSecurityDescriptorToSecurityDescriptorW(
                wintypes.LPCWSTR(text), _REVISION, ctypes.byref(descriptor), None
            )
        )
        try:
            size = ctypes.sizeof(_SecurityAttributes)
            attributes = _SecurityAttributes(size, descriptor, False)
            yield ctypes.addressof(attributes)
        finally:
            self._kernel.LocalFree(descriptor)

    def _asked_for_person(self) -> str:
        token, size = wintypes.HANDLE(), wintypes.DWORD()
        self._check(
            self._security.OpenProcessToken(
                wintypes.HANDLE(_winapi.GetCurrentProcess()), _TOKEN_QUERY, ctypes.byref(token)
            )
        )
        try:
            ask = self._security.GetTokenInformation
            ask(token, _TOKEN_USER, None, 0, ctypes.byref(size))  # fails, but tells the size
            answer = ctypes.create_string_buffer(size.value)
            self._check(ask(token, _TOKEN_USER, answer, size, ctypes.byref(size)))
        finally:
            self._kernel.CloseHandle(token)
        # TOKEN_USER begins with a pointer to the identifier, which lies behind it
        return self._identifier(wintypes.LPVOID.from_buffer(answer))

    def _identifier(self, pointer: ctypes.c_void_p) -> str:
        text = wintypes.LPWSTR()
        self._check(self._security.ConvertSidToStringSidW(pointer, ctypes.byref(text)))
        try:
            return str(text.value)
        finally:
            self._kernel.LocalFree(ctypes.cast(text, wintypes.LPVOID))

    @staticmethod
    def _check(succeeded: int) -> None:
        if not succeeded:
            raise ctypes.WinError(ctypes.get_last_error())
