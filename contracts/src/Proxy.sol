// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

// Compiled here so that their bytecode is among our artifacts: every upgradeable contract stands behind a proxy, and is
// owned by a timelock where it is worth something.
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
