// Raw VRRP sockets, packet sockets, and sending and receiving in batches.
#ifndef HASUP_PACKET_H
#define HASUP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A raw socket of protocol 112 for packets that bring their own IP header, bound to one interface, member of the group
/// there (group == NULL for unicast). `family` is 4 or 6; `group` is 4 or 16 bytes.
int hasup_vrrp_socket(int family, int interface_index, const char *interface_name, const uint8_t *group);

/// Both ends of a heartbeat path. `family` is 4 or 6, addresses are 4 or 16 bytes.
struct hasup_heartbeat_path {
    const char *device;
    int interface_index;
    int family;
    const uint8_t *own;
    const uint8_t *peer;
    uint16_t own_port;
    uint16_t peer_port;
};

/// A UDP socket that is bound to the device and to its own end, and connected to the peer's: nothing else reaches it.
int hasup_heartbeat_socket(const struct hasup_heartbeat_path *path);

/// A UDP socket that is bound to the device and to the group's end, and joined to the group there: only what is sent to the
/// group reaches it, and nothing of its own does.
int hasup_heartbeat_group_socket(
    const char *device, int interface_index, int family, const uint8_t *group, uint16_t port);

/// Sends one datagram to a group by such a socket: 0, or -errno.
int hasup_send_to_group(
    int fd, int family, const uint8_t *group, uint16_t port, const void *bytes, size_t count);

/// Sends one datagram to the peer of a connected socket: 0, or -errno.
int hasup_send_connected(int fd, const void *bytes, size_t count);

/// Tests whether raw sockets may be opened in this network namespace: 0, or -EPERM. Cheap, where closing a packet
/// socket waits for the kernel's RCU.
int hasup_probe_raw(void);

/// A packet socket of protocol 0, which receives nothing, with its filter locked: for ARP and ND frames.
int hasup_frame_socket(void);

/// Makes it what it was when it was made, whatever a former user of the socket has made of it: its send buffer and
/// flags, which a sealed worker can change, and what only one without a filter of system calls can. 0, or -errno when
/// another one has to be made.
int hasup_frame_socket_restore(int fd);

/// A raw ICMP or ICMPv6 socket that is bound to the device and connected to the address, and receives only echo replies of
/// that address, whoever asked for them. `family` is 4 or 6, the address 4 or 16 bytes.
int hasup_reference_socket(const char *device, int interface_index, int family, const uint8_t *address);

/// A packet socket that sends any frame on its interface, and receives only answers to the question who has an address, by a
/// locked filter: ARP replies for `family` 4, neighbour advertisements for 6.
int hasup_question_socket(int family, int interface_index);

/// Makes it what it was when it was made, as `hasup_frame_socket_restore` does. 0, or -errno when another one has to be
/// made: it may also have lost its interface.
int hasup_question_socket_restore(int fd, int family, int interface_index);

/// A NETLINK_ROUTE socket, non-blocking for `groups` != 0 (RTMGRP_* bits), blocking otherwise.
int hasup_route_socket(uint32_t groups);

/// Sets the bytes of a socket's receive buffer, beyond the system's limit if `is_forced` and allowed.
void hasup_receive_buffer_set(int fd, int bytes, bool is_forced);

/// A blocking NETLINK_GENERIC socket.
int hasup_generic_socket(void);

/// The same in the network namespace of this file, such as one below /run/netns.
int hasup_generic_socket_in(const char *path);

enum { HASUP_BATCH_MAX = 64, HASUP_PACKET_MAX = 4608 };

/// One packet to be sent; `bytes` must stay valid until the batch was sent. Sending only reads them.
struct hasup_outgoing {
    void *bytes;
    uint32_t count;
    uint8_t family;
    uint8_t destination[16];
};

/// Sends up to HASUP_BATCH_MAX packets in one call. Returns how many left, or -errno when the first one failed.
int hasup_send_batch(int fd, const struct hasup_outgoing *packets, int count);

/// Sends one Ethernet frame out of an interface.
int hasup_send_frame(int fd, int interface_index, const void *bytes, size_t count);

/// A received packet: IPv4 with its header, which says what else there is to know; IPv6 without.
struct hasup_incoming {
    uint16_t count;
    /// IPv6 only; -1 when the kernel didn't say.
    int16_t hop_limit;
    /// IPv6 only, like `destination`.
    uint8_t source[16];
    uint8_t destination[16];
};

/// The memory of a received batch.
struct hasup_receiver;

struct hasup_receiver *hasup_receiver_create(void);
void hasup_receiver_destroy(struct hasup_receiver *receiver);
/// Receives up to HASUP_BATCH_MAX packets without waiting; 0 when there are none.
int hasup_receive_batch(struct hasup_receiver *receiver, int fd, uint8_t family);
/// Packet `index` of the last batch.
const struct hasup_incoming *hasup_received(const struct hasup_receiver *receiver, int index);
const void *hasup_received_bytes(const struct hasup_receiver *receiver, int index);

/// The interface's index, 0 when there is none.
int hasup_interface_index(const char *name);

#endif
