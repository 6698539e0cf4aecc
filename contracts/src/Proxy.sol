// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

// Compiled here so that its bytecode is among our artifacts: every upgradeable contract stands behind one.
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
