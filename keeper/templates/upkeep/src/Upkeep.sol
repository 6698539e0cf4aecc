// SPDX-License-Identifier: MIT
pragma solidity ^0.8.27;

/// Counts once an interval. Keepers ask `checkUpkeep` and call `performUpkeep` when it says so, as Chainlink Automation did.
contract Upkeep {
    error NotTheJob(address caller);
    error TooEarly();

    event Performed(uint256 count);

    uint256 public immutable interval;
    address public immutable owner = msg.sender;
    /// The address of the job, which `keeper job create` shows; nobody in particular until it is set.
    address public forwarder;
    uint256 public lastTime;
    uint256 public count;

    constructor() {
        interval = 60;
    }

    function setForwarder(address forwarder_) external {
        require(msg.sender == owner, NotTheJob(msg.sender));
        forwarder = forwarder_;
    }

    /// Asked in an `eth_call` at a block: nothing that it changes stays.
    function checkUpkeep(bytes calldata) external view returns (bool needed, bytes memory performData) {
        needed = block.timestamp >= lastTime + interval;
        performData = abi.encode(count + 1);
    }

    /// What was decided then is checked again: some blocks lie between.
    function performUpkeep(bytes calldata performData) external {
        require(forwarder == address(0) || msg.sender == forwarder, NotTheJob(msg.sender));
        require(block.timestamp >= lastTime + interval && abi.decode(performData, (uint256)) == count + 1, TooEarly());
        lastTime = block.timestamp;
        emit Performed(++count);
    }
}
