// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";

contract Token is ERC20("Token", "TOK") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @notice Keeps a hundredth of every transfer.
contract FeeOnTransferToken is ERC20("Greedy", "GRD") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, from == address(0) ? amount : amount - amount / 100);
    }
}

/// @notice Says no by an answer instead of a revert, when it is told to.
contract FalseToken is ERC20("False", "FLS") {
    bool public refusing;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function refuse(bool on) external {
        refusing = on;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !refusing && super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return !refusing && super.transferFrom(from, to, amount);
    }
}

/// @notice Makes one call of its own in the middle of the next transfer.
contract ReenteringToken is ERC20("Reentering", "RNT") {
    address private _called;
    bytes private _data;
    bool public accepted;
    bytes4 public reason;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function prepare(address called, bytes calldata data) external {
        (_called, _data) = (called, data);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        bytes memory data = _data;
        if (data.length == 0) return;
        delete _data;
        bytes memory answer;
        (accepted, answer) = _called.call(data);
        reason = bytes4(answer);
    }
}

/// @notice Leaves all it has to another, and is gone.
contract SelfDestructing {
    address payable private immutable _heir;

    constructor(address payable heir) payable {
        _heir = heir;
    }

    fallback() external {
        selfdestruct(_heir);
    }
}

contract Reverting {
    fallback() external {
        revert("no");
    }
}

contract Burning {
    fallback() external {
        while (true) {}
    }
}

/// @notice Returns as much as its gas allows, for the caller to copy.
contract Bomb {
    fallback() external {
        assembly {
            return(0, 300000)
        }
    }
}

/// @notice Tries to settle and to claim from within a settlement, and does what a job's owner may do.
contract Reentering {
    ITaskManager private immutable _tasks;
    IJobManager private immutable _jobs;
    bytes private _settle;
    uint64 private _jobId;
    bool public settleRefused;
    bool public claimRefused;
    bool public requested;

    constructor(ITaskManager tasks, IJobManager jobs) {
        (_tasks, _jobs) = (tasks, jobs);
    }

    function create(IJobManager.JobParams calldata params) external payable {
        _jobId = _jobs.createJob{value: msg.value}(params, msg.value - _jobs.listingDeposit(), 0);
    }

    function prepare(bytes calldata settle) external {
        _settle = settle;
    }

    fallback() external {
        (bool settled,) = address(_tasks).call(_settle);
        settleRefused = !settled;
        (bool claimed,) = address(_jobs).call(abi.encodeCall(_jobs.claim, (address(0), new uint32[](1), address(this))));
        claimRefused = !claimed;
        (requested,) = address(_jobs).call(abi.encodeCall(_jobs.requestWithdrawal, (_jobId, 0.5 ether, 0)));
    }
}

/// @notice An operator that is a contract and calls back when it is paid.
contract ReenteringOperator {
    IJobManager private immutable _jobs;
    uint256 public payments;
    bool public again;

    constructor(IJobManager jobs) {
        _jobs = jobs;
    }

    receive() external payable {
        ++payments;
        uint32[] memory epochs = new uint32[](1);
        epochs[0] = 1;
        (again,) = address(_jobs).call(abi.encodeCall(_jobs.claim, (address(0), epochs, address(this))));
    }
}

/// @notice The trivial target: it has code, and stops at once.
contract Sink {
    constructor() {
        assembly ("memory-safe") {
            mstore(0, 0)
            return(0, 1) // STOP
        }
    }
}

/// @dev Lends under the lock that its upkeep needs.
contract Pool {
    bool private _locked;
    uint256 public upkeeps;

    modifier locked() {
        require(!_locked, "locked");
        _locked = true;
        _;
        _locked = false;
    }

    function upkeep() external locked {
        ++upkeeps;
    }

    function lend(address to, bytes calldata data) external locked {
        (bool ok, bytes memory reason) = to.call(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }
}
